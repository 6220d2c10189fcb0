import { expressApp } from './adapters/express.ts'
import { fastifyApp } from './adapters/fastify.ts'
import { honoApp, honoFetchApp } from './adapters/hono.ts'
import { koaApp } from './adapters/koa.ts'
import { nodeApp } from './adapters/node.ts'
import { describeAdapter } from './describe-adapter.ts'

describeAdapter('express', expressApp)
describeAdapter('fastify', fastifyApp)
describeAdapter('koa', koaApp)
describeAdapter('hono under @hono/node-server', honoApp)
describeAdapter('hono on Request and Response alone', honoFetchApp)
describeAdapter('node:http', nodeApp)
