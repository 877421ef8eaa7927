import { DeclaredError } from '#cell/link/linker.ts'
import type { FunctionType } from '#core/component/component-plan.ts'
import type { ScriptValue } from './component-value.ts'
import { readScript, type ComponentSource, type Directive, type Invocation } from './directive.ts'
import { Misfit, sameValue, shown, toJs } from './guest-value.ts'
import { exportedType, makeComponent, NotMade, type MadeComponent } from './made-component.ts'
import { fail, pass, saying, unsupported, type Judgement, type Outcome } from './outcome.ts'
import { ScriptWorld, Unprovided } from './script-world.ts'
import { classOfTrap, expectedTrap } from './trap-class.ts'

type Of<K extends string> = Extract<Directive, { readonly kind: K }>

/** The message expects a feature to be refused by its name, which is what `beyond` does. */
const expectsGate = /requires the .*feature|not enabled|not supported|unsupported/i
/** The message expects too much of something; ours says then how much there may be. */
const expectsLimit = /too (?:many|large|big|deep)|limit|exceed|size/i

/** What an invocation is about, or why it cannot be made. */
interface Callee {
  readonly type: FunctionType
  readonly call: () => Promise<unknown>
}

class ScriptRun {
  readonly #world = new ScriptWorld()
  readonly #definitions = new Map<string, MadeComponent>()
  #latestDefinition: MadeComponent | undefined
  /** Why the latest component or the named one has no instance. */
  readonly #missing = new Map<string | undefined, Judgement>()

  /** Never rejects for what a component does; see {@link Outcome} for the verdicts. */
  async judge(directive: Directive): Promise<Judgement> {
    switch (directive.kind) {
      case 'component':
        return this.#component(directive)
      case 'component definition':
        return this.#define(directive)
      case 'component instance':
        return this.#instance(directive)
      case 'register':
        return this.#register(directive)
      case 'invoke':
        return this.#returns(directive.invocation, undefined)
      case 'other':
        return unsupported(directive.reason)
      case 'assert_return':
      case 'assert_trap':
      case 'assert_unlinkable':
      case 'assert_invalid':
      case 'assert_malformed':
        return this.#assertion(directive)
    }
  }

  end(): void {
    this.#world.end()
  }

  #assertion(directive: Of<`assert_${string}`>): Promise<Judgement> {
    switch (directive.kind) {
      case 'assert_return':
        return this.#returns(directive.invocation, directive.results)
      case 'assert_trap':
        return this.#traps(directive)
      case 'assert_unlinkable':
        return this.#unlinkable(directive.source)
      case 'assert_invalid':
      case 'assert_malformed':
        return this.#refused(directive.source, directive.message)
    }
  }

  #register({ as, instance }: Of<'register'>): Judgement {
    return this.#world.register(as, instance) ? pass() : this.#withoutInstance(instance)
  }

  async #component({ name, source }: Of<'component'>): Promise<Judgement> {
    const made = await this.#make(source)
    return 'verdict' in made ? this.#instead(name, made) : this.#instantiate(made, name)
  }

  async #define({ name, source }: Of<'component definition'>): Promise<Judgement> {
    const made = await this.#make(source)
    const known = 'verdict' in made ? undefined : made
    this.#latestDefinition = known
    if (name !== undefined && known !== undefined) this.#definitions.set(name, known)
    if (!('verdict' in made)) return pass()
    this.#missing.set(name === undefined ? '' : `definition ${name}`, made)
    return made
  }

  #instance({ name, definition }: Of<'component instance'>): Promise<Judgement> | Judgement {
    const made = definition === undefined ? this.#latestDefinition : this.#definitions.get(definition)
    if (made !== undefined) return this.#instantiate(made, name)
    return this.#instead(name, this.#missing.get(definition === undefined ? '' : `definition ${definition}`) ?? fail('no such definition'))
  }

  /** A component of the script that must be good. */
  async #make(source: ComponentSource): Promise<MadeComponent | Judgement> {
    try {
      return await makeComponent(source)
    } catch (error) {
      if (!(error instanceof NotMade)) return fail(saying(error))
      return error.by === 'text' || error.by === 'beyond' ? unsupported(error.message) : fail(`refused as ${error.by}: ${error.message}`)
    }
  }

  async #instantiate(made: MadeComponent, name: string | undefined): Promise<Judgement> {
    this.#world.forget(name)
    try {
      await this.#world.instantiate(made, name)
      this.#missing.delete(name)
      this.#missing.delete(undefined)
      return pass()
    } catch (error) {
      return this.#instead(name, error instanceof Unprovided ? unsupported(error.message) : fail(`instantiating: ${saying(error)}`))
    }
  }

  /** What calls to the instance that is not there are told. */
  #instead(name: string | undefined, why: Judgement): Judgement {
    this.#world.forget(name)
    this.#missing.set(name, why)
    this.#missing.set(undefined, why)
    return why
  }

  #withoutInstance(name: string | undefined): Judgement {
    const { verdict, detail } = this.#missing.get(name) ?? fail('there is no such instance')
    return { verdict, detail: `its component: ${detail}` }
  }

  #callee({ instance, export: name, args }: Invocation): Callee | Judgement {
    const live = this.#world.find(instance)
    if (live === undefined) return this.#withoutInstance(instance)
    const type = exportedType(live.made, name)
    if (type === undefined) return fail(`expected an export ${name}, there is none`)
    if (type.params.length !== args.length)
      return fail(`expected ${type.params.length} arguments by the type, the script gives ${args.length}`)
    try {
      const given = type.params.map((param, at) => toJs(param.type, args[at] as ScriptValue))
      return { type, call: () => this.#world.call(live, name, given) }
    } catch (error) {
      if (error instanceof Misfit) return fail(`expected arguments of the function's type, got ${error.message}`)
      throw error
    }
  }

  async #returns(invocation: Invocation, results: readonly ScriptValue[] | undefined): Promise<Judgement> {
    const callee = this.#callee(invocation)
    if ('verdict' in callee) return callee
    try {
      return judgeResult(await callee.call(), callee.type, results)
    } catch (error) {
      if (error instanceof DeclaredError) return judgeDeclared(error.payload, callee.type, results)
      return fail(`expected it to return, got ${saying(error)}`)
    }
  }

  async #traps({ action, message }: Of<'assert_trap'>): Promise<Judgement> {
    const run = 'export' in action ? this.#callee(action) : await this.#instantiation(action)
    if ('verdict' in run) return run
    try {
      return fail(`expected a trap "${message}", got ${shown(await run.call())}`)
    } catch (error) {
      return judgeTrap(error, message)
    }
  }

  async #instantiation(source: ComponentSource): Promise<Pick<Callee, 'call'> | Judgement> {
    const made = await this.#make(source)
    return 'verdict' in made ? made : { call: () => this.#world.instantiate(made, undefined) }
  }

  async #refused(source: ComponentSource, message: string): Promise<Judgement> {
    try {
      await makeComponent(source)
    } catch (error) {
      return error instanceof NotMade ? judgeRefusal(error, message) : fail(saying(error))
    }
    return fail(`expected it to be refused with "${message}", it was accepted`)
  }

  async #unlinkable(source: ComponentSource): Promise<Judgement> {
    const made = await this.#make(source)
    if ('verdict' in made) return made
    try {
      await this.#world.instantiate(made, undefined)
    } catch (error) {
      if (error instanceof Unprovided) return unsupported(error.message)
      return classOfTrap(error) === 'link' ? pass(saying(error)) : fail(`expected that it cannot be linked, got ${saying(error)}`)
    }
    return fail('expected that it cannot be linked, it was instantiated')
  }
}

const judgeResult = (actual: unknown, type: FunctionType, results: readonly ScriptValue[] | undefined): Judgement => {
  if (results === undefined) return pass()
  const [expected] = results
  if (expected === undefined) return type.result === undefined ? pass() : fail(`expected no result, got ${shown(actual)}`)
  if (type.result === undefined) return fail(`expected a result, the function has none`)
  if (expected.kind === 'result' && type.result.kind === 'result') {
    const payload = type.result.ok !== undefined && expected.payload !== undefined ? toJs(type.result.ok, expected.payload) : undefined
    return expected.tag === 'ok' ? judgeSame(payload, actual) : fail(`expected its declared error, got ${shown(actual)}`)
  }
  return judgeSame(toJs(type.result, expected), actual)
}

const judgeDeclared = (payload: unknown, type: FunctionType, results: readonly ScriptValue[] | undefined): Judgement => {
  const [expected] = results ?? []
  if (results === undefined) return pass()
  if (expected?.kind !== 'result' || expected.tag === 'ok' || type.result?.kind !== 'result') {
    return fail(`expected no error, got its declared error ${shown(payload)}`)
  }
  const { error } = type.result
  return judgeSame(error !== undefined && expected.payload !== undefined ? toJs(error, expected.payload) : undefined, payload)
}

const judgeSame = (expected: unknown, actual: unknown): Judgement =>
  sameValue(expected, actual) ? pass() : fail(`expected ${shown(expected)}, got ${shown(actual)}`)

const judgeTrap = (error: unknown, message: string): Judgement => {
  const expected = expectedTrap(message)
  const actual = classOfTrap(error)
  const said = saying(error)
  if (error instanceof Unprovided) return unsupported(error.message)
  if (actual === undefined) return fail(`expected a trap "${message}", got ${said}`)
  if (expected === undefined) return fail(`expected a trap "${message}", which the table of traps does not know; got ${said}`)
  if (!expected.classes.includes(actual)) return fail(`other trap: expected ${expected.classes.join(' or ')} for "${message}", got ${said}`)
  return said.includes(expected.words) ? pass(said) : fail(`expected words "${expected.words}" in what is said, got ${said}`)
}

/** Our own scripts say who has to refuse a component, and with which words: `invalid: alignment`. */
const ownRefusal = /^(invalid|beyond): ?(.*)$/

const judgeRefusal = ({ by, message }: NotMade, expected: string): Judgement => {
  const detail = `"${expected}": ${message}`
  const [own, who, words = ''] = ownRefusal.exec(expected) ?? []
  if (own !== undefined) return by === who && message.includes(words) ? pass(detail) : fail(`refused as ${by}, not as ${detail}`)
  if (by === 'text') return { verdict: 'text', detail }
  if (by === 'invalid') return pass(detail)
  if (by === 'broken') return fail(detail)
  const expectsSo = expectsGate.test(expected) || (expectsLimit.test(expected) && /\bat most\b/.test(message))
  return expectsSo ? pass(detail) : unsupported(`refused by name before the rule was looked at: ${detail}`)
}

/** The directive, and the function that it is about. */
const describe = (directive: Directive): string => {
  if (directive.kind === 'other') return directive.form
  if ('invocation' in directive) return `${directive.kind} ${directive.invocation.export}`
  if ('action' in directive && 'export' in directive.action) return `${directive.kind} ${directive.action.export}`
  return directive.kind
}

/** Runs a script, one outcome for each directive in it. Throws ScriptError when the text is no script. */
export const runScript = async (text: string): Promise<readonly Outcome[]> => {
  const directives = readScript(text)
  const run = new ScriptRun()
  const outcomes: Outcome[] = []
  try {
    for (const directive of directives) {
      const judged = await run.judge(directive).catch((error: unknown) => fail(`the harness: ${saying(error)}`))
      outcomes.push({ line: directive.line, directive: describe(directive), ...judged })
    }
  } finally {
    run.end()
  }
  return outcomes
}
