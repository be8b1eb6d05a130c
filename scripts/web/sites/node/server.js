// Names its release from four places: a file that is required at the start,
// one that is required later, the working directory, a page.
const fs = require('node:fs')
const http = require('node:http')
const net = require('node:net')

const { commit } = require('./release.json')
let draining = false

const server = http.createServer((request, response) => {
  response.setHeader('X-Commit', commit)
  if (draining) response.setHeader('Connection', 'close')
  if (request.url === '/healthz') {
    response.statusCode = fs.existsSync(`${__dirname}/broken`) ? 500 : 200
    response.end('that is how it is\n')
    return
  }
  const late = require('./late.json')
  response.end(`${late.commit}\n${process.cwd()}\n${fs.readFileSync('page.html')}`)
})

// The supervisor hands over the socket as 3, and waits for a line on 4.
server.listen({ fd: 3 }, () => fs.writeSync(4, 'ready\n'))

// Take no more connections. The open ones end with their next answer: to close
// one that is idle would cross a request that is on its way.
process.on('SIGTERM', () => {
  draining = true
  net.Server.prototype.close.call(server)
  setTimeout(() => process.exit(), 10000).unref()
})
