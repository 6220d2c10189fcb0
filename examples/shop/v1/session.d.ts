// What this release keeps in a session.
import '@baton/session'

declare module '@baton/session' {
  interface SessionAttributes {
    cart?: string[]
  }
}
