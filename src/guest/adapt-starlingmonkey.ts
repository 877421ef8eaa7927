import { agentFunction, answerText, errorText } from './adapt.ts'

/** Adapts an agent's exported function to `cordon:agent/run`. A WIT `err` is a thrown string here: a thrown Error would trap. */
export const adapt = (exported: unknown): { run(input: string): Promise<string> } => {
  const agent = agentFunction(exported)
  return {
    run: async (input) => {
      try {
        return answerText(await agent(JSON.parse(input)))
      } catch (error) {
        // eslint-disable-next-line no-throw-literal, typescript/only-throw-error -- the engine's convention for `err`
        throw errorText(error)
      }
    },
  }
}
