import { expressSessionStore } from '../../src/express-session-store.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { type PeerApp, type PeerHandler, startExpressSession } from './express-session-app.ts'
import { type ExpressSessionOptions, session } from './express-session-module.ts'
import { watchedStore } from './watched-store.ts'

const apps: PeerApp[] = []

/** An app on express-session with our store over memory; `calls` is what our store asked of that. */
export async function start(options: ExpressSessionOptions, handler: PeerHandler) {
  const inner = memoryStore()
  const watched = watchedStore(inner)
  const store = expressSessionStore(session, { store: watched.store })
  const app = await startExpressSession({ store, ...options }, handler)
  apps.push(app)
  const { calls } = watched
  return { origin: app.origin, errors: app.errors, store, inner, watched, calls }
}

export async function stopApps(): Promise<void> {
  await Promise.all(apps.splice(0).map((app) => app.close()))
}

export const count: PeerHandler = (req, res) => {
  req.session.count = Number(req.session.count ?? 0) + 1
  res.end(String(req.session.count))
}
