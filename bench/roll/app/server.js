// The quickest app there is: what a roll of it takes is the roll's own time.
import { createServer } from 'node:http'

const server = createServer((_request, response) => {
  response.setHeader('Baton-Release', process.env.BATON_RELEASE ?? '')
  response.end('ok\n')
})
server.listen(Number(process.env.PORT), process.env.HOST)
process.once('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeAllConnections()
})
