/** The keys of one app. No hash tags: in a cluster, sessions spread over all servers. */
export interface RedisKeys {
  session(key: string): string
  /** ZSET of a user's sessions: member session key, score expiry in ms. */
  list(owner: string): string
  /** Counter, raised at each log-out-everywhere; absent is 0. */
  epoch(owner: string): string
}

export function redisKeys(namespace: string): RedisKeys {
  const sessions = `${namespace}:s:`
  return {
    session: (key) => sessions + key,
    list: (owner) => `${namespace}:u:${owner}`,
    epoch: (owner) => `${namespace}:e:${owner}`,
  }
}
