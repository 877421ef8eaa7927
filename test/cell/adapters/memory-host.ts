import { isCall, type Call, type CallOp, type CallReply, type FileType } from '#wire/calls.ts'

const nothing = new Uint8Array()
const ok = (value: Readonly<Record<string, unknown>> = {}, body: Uint8Array = nothing): CallReply => ({ ok: true, value, body })
const failed = (code: string): CallReply => ({ ok: false, code })

/** A file, or a folder that maps names to entries. */
interface Entry {
  readonly identity: string
  readonly children: Map<string, Entry> | undefined
  bytes: Uint8Array
  accessedNs: string
  modifiedNs: string
}

/** A tree for {@link MemoryHost}: text is a file, an object is a folder. */
export interface Tree {
  readonly [name: string]: string | Tree
}

/** What the host's other side answers to one request. */
export interface Served {
  readonly status?: number
  readonly headers?: readonly (readonly [string, string])[]
  readonly chunks?: readonly string[]
  readonly trailers?: readonly (readonly [string, string])[]
  /** Fails the exchange with this code instead, at its start or when the response is asked for. */
  readonly refuse?: string
  readonly breakOff?: string
  /** The body fails with this code after its chunks. */
  readonly cut?: string
}

/** A request as it arrived. */
export interface Arrived {
  readonly start: Extract<Call, { op: 'http.start' }>['args']
  body: string
  finished: boolean
  trailers: readonly (readonly [string, string])[]
}

interface Exchange extends Arrived {
  readonly served: Promise<Served>
  readonly chunks: string[]
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** The host behind the wire, in memory: enough of a file system and of HTTP to see what adapters make of WIT calls. */
export class MemoryHost {
  readonly arrived: Arrived[] = []
  readonly calls: Call[] = []
  readonly closed: number[] = []
  /** Answers requests. */
  serve: (request: Arrived) => Served | Promise<Served> = () => ({})
  /** What standard input holds, piece by piece. */
  stdin: string[] = []
  secrets: Readonly<Record<string, string>> = {}
  tools: Readonly<Record<string, (input: string) => string>> = {}
  /** Replaces the answer to any call. */
  intercept: ((call: Call) => CallReply | undefined | Promise<CallReply | undefined>) | undefined
  readonly #entries = new Map<number, Entry>()
  readonly #exchanges = new Map<number, Exchange>()
  readonly #root: Entry
  #nextIdentity = 0
  #nextHandle = 100

  /** Mounts `tree` at handle 1. */
  constructor(tree: Tree = {}) {
    this.#root = this.#entryOf(tree)
    this.#entries.set(1, this.#root)
  }

  /** Handles that are open, the mount not counted. */
  get open(): number {
    return this.#entries.size - 1 + this.#exchanges.size
  }

  /** The text of a file by its path below the mount. */
  text(path: string): string | undefined {
    const found = this.#at(1, path)
    return found === undefined ? undefined : decode(found.bytes)
  }

  ops(): CallOp[] {
    return this.calls.map(({ op }) => op)
  }

  async answer(call: Call): Promise<CallReply> {
    if (!isCall(call.op, call.args)) throw new Error(`a call that breaks the wire: ${JSON.stringify(call)}`)
    this.calls.push(call)
    await new Promise((resolve) => setImmediate(resolve))
    return (await this.intercept?.(call)) ?? (await this.#perform(call))
  }

  async #perform(call: Call): Promise<CallReply> {
    if (call.op.startsWith('fs.')) return this.#file(call)
    if (call.op.startsWith('http.')) return await this.#http(call)
    switch (call.op) {
      case 'stdin.read': {
        const text = this.stdin.shift()
        return ok({ end: text === undefined }, text === undefined ? nothing : encode(text))
      }
      case 'secret.use': {
        const placeholder = this.secrets[call.args.name]
        return placeholder === undefined ? failed('denied') : ok({ placeholder })
      }
      case 'tool.list':
        return ok({ tools: Object.keys(this.tools).map((name) => ({ name, description: '', inputSchema: {} })) })
      case 'tool.call': {
        const run = this.tools[call.args.name]
        return run === undefined ? failed('unknown') : ok({}, encode(run(decode(call.body))))
      }
      default:
        return failed('unsupported')
    }
  }

  #entryOf(content: string | Tree): Entry {
    const identity = `#${this.#nextIdentity++}`
    const times = { accessedNs: '1000000001', modifiedNs: '2000000002' }
    if (typeof content === 'string') return { identity, children: undefined, bytes: encode(content), ...times }
    const children = new Map(Object.entries(content).map(([name, each]) => [name, this.#entryOf(each)]))
    return { identity, children, bytes: nothing, ...times }
  }

  #at(dir: number, path: string): Entry | undefined {
    let entry = this.#entries.get(dir)
    for (const segment of path.split('/')) entry = entry?.children?.get(segment)
    return entry
  }

  #folderOf(dir: number, path: string): [Map<string, Entry> | undefined, string] {
    const cut = path.lastIndexOf('/')
    const folder = cut < 0 ? this.#entries.get(dir) : this.#at(dir, path.slice(0, cut))
    return [folder?.children, path.slice(cut + 1)]
  }

  #file(call: Call): CallReply {
    switch (call.op) {
      case 'fs.open':
        return this.#openFile(call)
      case 'fs.read':
      case 'fs.write':
      case 'fs.set-size':
      case 'fs.list':
      case 'fs.stat':
      case 'fs.set-times':
      case 'fs.sync':
      case 'fs.close':
        return this.#onHandle(call)
      case 'fs.stat-at': {
        const entry = this.#at(call.args.dir, call.args.path)
        return entry === undefined ? failed('no-entry') : ok(statOf(entry))
      }
      case 'fs.mkdir': {
        const [folder, name] = this.#folderOf(call.args.dir, call.args.path)
        if (folder?.has(name) === true) return failed('exist')
        folder?.set(name, this.#entryOf({}))
        return folder === undefined ? failed('no-entry') : ok()
      }
      case 'fs.unlink':
      case 'fs.rmdir': {
        const [folder, name] = this.#folderOf(call.args.dir, call.args.path)
        return folder?.delete(name) === true ? ok() : failed('no-entry')
      }
      case 'fs.rename': {
        const [from, name] = this.#folderOf(call.args.dir, call.args.path)
        const [to, toName] = this.#folderOf(call.args.toDir, call.args.toPath)
        const entry = from?.get(name)
        if (entry === undefined || to === undefined) return failed('no-entry')
        from?.delete(name)
        to.set(toName, entry)
        return ok()
      }
      case 'fs.readlink':
        return ok({ target: `to ${call.args.path}` })
      default:
        return ok()
    }
  }

  #openFile({ args }: Extract<Call, { op: 'fs.open' }>): CallReply {
    const [folder, name] = this.#folderOf(args.dir, args.path)
    if (args.path.includes('..')) return failed('not-permitted')
    if (folder === undefined) return failed('no-entry')
    const existing = folder.get(name)
    if (existing === undefined && !args.create) return failed('no-entry')
    if (existing !== undefined && args.exclusive) return failed('exist')
    const entry = existing ?? this.#entryOf('')
    folder.set(name, entry)
    if (args.truncate) entry.bytes = nothing
    const handle = this.#nextHandle++
    this.#entries.set(handle, entry)
    return ok({ handle, type: typeOf(entry) })
  }

  #onHandle(call: Extract<Call, { args: { handle: number } }>): CallReply {
    const entry = this.#entries.get(call.args.handle)
    if (entry === undefined) return failed('bad-descriptor')
    switch (call.op) {
      case 'fs.read':
        return ok({}, entry.bytes.slice(call.args.offset, call.args.offset + call.args.length))
      case 'fs.write': {
        const at = call.args.offset ?? entry.bytes.byteLength
        const grown = new Uint8Array(Math.max(entry.bytes.byteLength, at + call.body.byteLength))
        grown.set(entry.bytes)
        grown.set(call.body, at)
        entry.bytes = grown
        return ok({ written: call.body.byteLength })
      }
      case 'fs.set-size':
        entry.bytes = entry.bytes.slice(0, call.args.size)
        return ok()
      case 'fs.set-times':
        entry.accessedNs = call.args.accessedNs ?? entry.accessedNs
        entry.modifiedNs = call.args.modifiedNs ?? entry.modifiedNs
        return ok()
      case 'fs.list':
        if (entry.children === undefined) return failed('not-directory')
        return ok({ entries: [...entry.children].map(([name, child]) => [name, typeOf(child)]) })
      case 'fs.stat':
        return ok(statOf(entry))
      case 'fs.close':
        this.#entries.delete(call.args.handle)
        this.closed.push(call.args.handle)
        return ok()
      default:
        return ok()
    }
  }

  async #http(call: Call): Promise<CallReply> {
    if (call.op === 'http.start') return this.#startExchange(call)
    if (!('handle' in call.args)) return failed('bad-descriptor')
    const exchange = this.#exchanges.get(Number(call.args.handle))
    if (exchange === undefined) return failed('connection-terminated')
    switch (call.op) {
      case 'http.write':
        exchange.body += decode(call.body)
        return ok()
      case 'http.finish':
        exchange.finished = true
        exchange.trailers = call.args.trailers
        return ok()
      case 'http.response': {
        const { status = 200, headers = [], breakOff } = await exchange.served
        return breakOff === undefined ? ok({ status, headers }) : failed(breakOff)
      }
      case 'http.read': {
        const { trailers = [], cut } = await exchange.served
        const text = exchange.chunks.shift()
        if (text === undefined && cut !== undefined) return failed(cut)
        return ok({ end: text === undefined, trailers }, encode(text ?? ''))
      }
      case 'http.close':
        this.#exchanges.delete(call.args.handle)
        this.closed.push(call.args.handle)
        return ok()
      default:
        return failed('internal-error')
    }
  }

  async #startExchange({ args }: Extract<Call, { op: 'http.start' }>): Promise<CallReply> {
    const request: Arrived = { start: args, body: '', finished: false, trailers: [] }
    this.arrived.push(request)
    const served = Promise.resolve(this.serve(request))
    const { refuse } = await served
    if (refuse !== undefined) return failed(refuse)
    const handle = this.#nextHandle++
    const chunks = [...((await served).chunks ?? [])]
    this.#exchanges.set(handle, Object.assign(request, { served, chunks }))
    return ok({ handle })
  }
}

const typeOf = (entry: Entry): FileType => (entry.children === undefined ? 'regular-file' : 'directory')

const statOf = (entry: Entry): Readonly<Record<string, unknown>> => ({
  type: typeOf(entry),
  size: entry.bytes.byteLength,
  linkCount: 1,
  accessedNs: entry.accessedNs,
  modifiedNs: entry.modifiedNs,
  changedNs: '3000000003',
  identity: entry.identity,
})
