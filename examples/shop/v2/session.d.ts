// What this release keeps in a session.
import '@baton/session'

declare module '@baton/session' {
  interface SessionAttributes {
    cart?: string[]
    /** New in this release; sessions that began in v1 get it here, and keep it if they go back to v1. */
    wishlist?: string[]
  }
}
