import { describeOurAdapter } from './describe-our-adapter.ts'

// What koa-session's own tests expect of an external store.

describeOurAdapter('koa')
