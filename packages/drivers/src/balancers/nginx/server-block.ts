import { type Address, formatAddress } from '@baton/core'

/**
 * A server of its own for who has none: HTTP/1.1 on plain connections, WebSockets and event streams included. The upstream
 * is named as the app is. A POST is never sent twice; other methods are tried on another node after an error (RFC 9110 9.2.2).
 */
export function renderServerBlock({ name, listen }: { readonly name: string; readonly listen: Address }): string {
  const connection = `$baton_${name.replaceAll('-', '_')}_connection`
  return `
map $http_upgrade ${connection} {
    default upgrade;
    ''      '';
}

server {
    listen ${formatAddress(listen)};

    location / {
        proxy_pass http://${name};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Connection ${connection};
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Host $http_host;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_connect_timeout 2s;
        proxy_next_upstream error timeout;
    }
}
`
}
