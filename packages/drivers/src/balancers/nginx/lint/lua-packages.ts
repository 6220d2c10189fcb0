/** How the Lua module of nginx is had, in one line for a person. */
export function luaPackages(): string {
  return [
    'Debian, Ubuntu: sudo apt-get install libnginx-mod-http-lua',
    'Alpine: sudo apk add nginx-mod-http-lua lua-resty-core',
    'elsewhere: OpenResty, which has it built in (https://openresty.org/en/linux-packages.html)',
  ].join(' · ')
}
