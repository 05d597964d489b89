// What Lambda's runtime does with a function: imports its module once, then hands it one event after another.
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const file = `${process.env.LAMBDA_TASK_ROOT}/index.mjs`;
const { handler } = await import(pathToFileURL(file).href);

process.on('message', async ({ event, deadline, context, trace }) => {
  process.env._X_AMZN_TRACE_ID = trace;
  let answer;
  try {
    const result = await handler(event, {
      ...context,
      getRemainingTimeInMillis: () => deadline - Date.now(),
    });
    answer = { result: result ?? null };
  } catch (error) {
    const { name, message, stack } = error;
    answer = { error: { errorType: name, errorMessage: message, trace: String(stack).split('\n') } };
  }
  // To send the answer is a request to the runtime API: until it is there the process goes on
  await setTimeout(20);
  process.send(answer);
});
process.send({ ready: true });
