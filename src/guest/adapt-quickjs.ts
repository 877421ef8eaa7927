import { agentFunction, answerText, errorText } from './adapt.ts'
import { settle } from './quickjs/event-loop.ts'

/** Adapts an agent's exported function to `cordon:agent/run`, running its promises and timers to the end. */
export const adapt = (exported: unknown): { run(input: string): string } => {
  const agent = agentFunction(exported)
  return {
    run: (input) => {
      try {
        return answerText(settle(agent(JSON.parse(input))))
      } catch (error) {
        // eslint-disable-next-line no-throw-literal, typescript/only-throw-error -- the engine's convention for `err`
        throw errorText(error)
      }
    },
  }
}
