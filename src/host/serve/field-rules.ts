/** Fields that speak about one connection and not the message (RFC 9110 section 7.6.1): neither guests nor clients see the other's. */
const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Fields that frame or route a message, or say who sent it: not in trailers, where they come too late (RFC 9110 section 6.5.1). */
const notInTrailers: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'host',
  'max-forwards',
  'set-cookie',
])

/** Fields by which a server has the proxy in front of it answer with something else, of the proxy's own: files of its machine, places that only it may ask. */
const proxyOrders: ReadonlySet<string> = new Set([
  'x-accel-redirect',
  'x-lighttpd-send-file',
  'x-lighttpd-send-tempfile',
  'x-litespeed-location',
  'x-reproxy-file',
  'x-reproxy-url',
  'x-sendfile',
  'x-sendfile2',
])

/** RFC 9110 section 5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/

/** Whether `text` is a token of RFC 9110, as names of fields and methods are. */
export const isToken = (text: string): boolean => token.test(text)

/** RFC 9110 section 5.5: no control characters but tab, nothing past latin-1. */
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const fieldValue = /^[\t\u0020-\u007e\u0080-\u00ff]{0,16384}$/

/** Whether `text` may be the value of a field. */
export const isFieldValue = (text: string): boolean => fieldValue.test(text)

/** Whether a field is about the connection and not the message. `name` in lower case. */
export const isConnectionField = (name: string): boolean => connectionFields.has(name)

/** Whether a field of a response orders a proxy about. `name` in lower case. */
export const isProxyOrder = (name: string): boolean => proxyOrders.has(name)

/** Whether a field may stand in trailers. `name` in lower case. */
export const mayTrail = (name: string): boolean => !connectionFields.has(name) && !notInTrailers.has(name) && !proxyOrders.has(name)
