// Drives the fake model server with a vendor's own client and prints what that client understood, as one JSON object.
// Usage: node client.mjs responses|chat|messages|gemini BASE_URL tools|refused|failed|models|count
import process from 'node:process';

const [protocol, base, wanted] = process.argv.slice(2);
const root = base.replace(/\/v1$/, '');
const parameters = { type: 'object', properties: { command: { type: 'string' } } };
const shell = { name: 'shell', description: 'Runs a command.' };
const output = (id) => `output of ${id}`;

const clients = {
  async responses() {
    const { default: OpenAI } = await import('openai');
    const client = new OpenAI({ apiKey: 'not-a-key', baseURL: base });
    const tools = [{ type: 'function', ...shell, parameters, strict: false }];
    const input = [{ role: 'user', content: 'go' }];
    const streamed = async () => {
      const deltas = [];
      const stream = client.responses.stream({ model: 'm', input, tools });
      stream.on('response.output_text.delta', (event) => deltas.push(event.delta));
      const response = await stream.finalResponse();
      return { response, deltas };
    };
    return {
      streamed: async () => {
        const { response, deltas } = await streamed();
        if (response.status !== 'completed') return { stop: response.status, message: response.error?.message };
        input.push(...response.output.map(({ parsed_arguments, ...item }) => item));
        for (const item of input.filter((item) => item.type === 'function_call')) {
          input.push({ type: 'function_call_output', call_id: item.call_id, output: output(item.call_id) });
        }
        return {
          deltas,
          text: response.output_text,
          reasoning: response.output.find((item) => item.type === 'reasoning').summary[0].text,
          calls: response.output
            .filter((item) => item.type === 'function_call')
            .map((item) => ({ id: item.call_id, name: item.name, input: JSON.parse(item.arguments) })),
          stop: response.status,
          input_tokens: response.usage.input_tokens,
        };
      },
      whole: async () => {
        const response = await client.responses.create({ model: 'm', input, tools });
        return { text: response.output_text, stop: response.status };
      },
      models: async () => (await client.models.list()).data.map((model) => model.id),
    };
  },

  async chat() {
    const { default: OpenAI } = await import('openai');
    const client = new OpenAI({ apiKey: 'not-a-key', baseURL: base });
    const tools = [{ type: 'function', function: { ...shell, parameters } }];
    const messages = [{ role: 'user', content: 'go' }];
    return {
      streamed: async () => {
        const deltas = [];
        const stream = client.chat.completions.stream({
          model: 'm', messages, tools, stream_options: { include_usage: true },
        });
        let reasoning = '';
        stream.on('chunk', (chunk) => { reasoning += chunk.choices[0]?.delta?.reasoning_content ?? ''; });
        stream.on('content.delta', (event) => { if (event.delta) deltas.push(event.delta); });
        const completion = await stream.finalChatCompletion();
        const { message, finish_reason } = completion.choices[0];
        messages.push(message);
        for (const call of message.tool_calls ?? []) {
          messages.push({ role: 'tool', tool_call_id: call.id, content: output(call.id) });
        }
        return {
          deltas,
          text: message.content,
          reasoning,
          calls: (message.tool_calls ?? []).map((call) => ({
            id: call.id, name: call.function.name, input: JSON.parse(call.function.arguments),
          })),
          stop: finish_reason,
          input_tokens: completion.usage.prompt_tokens,
        };
      },
      whole: async () => {
        const completion = await client.chat.completions.create({ model: 'm', messages, tools });
        return { text: completion.choices[0].message.content, stop: completion.choices[0].finish_reason };
      },
      models: async () => (await client.models.list()).data.map((model) => model.id),
    };
  },

  async messages() {
    const { default: Anthropic } = await import('@anthropic-ai/sdk');
    const client = new Anthropic({ apiKey: 'not-a-key', baseURL: root });
    const tools = [{ ...shell, input_schema: parameters }];
    const messages = [{ role: 'user', content: 'go' }];
    const request = { model: 'claude-fake', max_tokens: 100, messages, tools };
    return {
      streamed: async () => {
        const deltas = [];
        const stream = client.messages.stream(request);
        stream.on('text', (delta) => deltas.push(delta));
        const message = await stream.finalMessage();
        messages.push({ role: 'assistant', content: message.content });
        const calls = message.content.filter((block) => block.type === 'tool_use');
        messages.push({
          role: 'user',
          content: calls.map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: output(id) })),
        });
        return {
          deltas,
          text: message.content.find((block) => block.type === 'text').text,
          reasoning: message.content.find((block) => block.type === 'thinking').thinking,
          calls: calls.map(({ id, name, input }) => ({ id, name, input })),
          stop: message.stop_reason,
          input_tokens: message.usage.input_tokens,
        };
      },
      whole: async () => {
        const message = await client.messages.create(request);
        return { text: message.content[0].text, stop: message.stop_reason };
      },
      models: async () => (await client.models.list()).data.map((model) => model.id),
      count: async () => (await client.messages.countTokens({ model: 'claude-fake', messages })).input_tokens,
    };
  },

  async gemini() {
    const { GoogleGenAI } = await import('@google/genai');
    const client = new GoogleGenAI({
      apiKey: 'not-a-key', httpOptions: { baseUrl: root, retryOptions: { attempts: 3 } },
    });
    const contents = [{ role: 'user', parts: [{ text: 'go' }] }];
    const config = { tools: [{ functionDeclarations: [{ ...shell, parametersJsonSchema: parameters }] }] };
    const request = { model: 'gemini-fake', contents, config };
    return {
      streamed: async () => {
        const deltas = [];
        const parts = [];
        let last;
        for await (const chunk of await client.models.generateContentStream(request)) {
          last = chunk;
          for (const part of chunk.candidates[0].content.parts) {
            parts.push(part);
            if (part.text && !part.thought) deltas.push(part.text);
          }
        }
        const calls = parts.filter((part) => part.functionCall).map((part) => part.functionCall);
        contents.push({ role: 'model', parts });
        contents.push({
          role: 'user',
          parts: calls.map(({ id, name }) => ({ functionResponse: { id, name, response: { output: output(id) } } })),
        });
        return {
          deltas,
          text: deltas.join(''),
          reasoning: parts.filter((part) => part.thought).map((part) => part.text).join(''),
          calls: calls.map(({ id, name, args }) => ({ id, name, input: args })),
          stop: last.candidates[0].finishReason,
          input_tokens: last.usageMetadata.promptTokenCount,
        };
      },
      whole: async () => {
        const response = await client.models.generateContent(request);
        return { text: response.text, stop: response.candidates[0].finishReason };
      },
      models: async () => {
        const names = [];
        for await (const model of await client.models.list()) names.push(model.name);
        return names;
      },
      count: async () => (await client.models.countTokens({ model: 'gemini-fake', contents })).totalTokens,
    };
  },
};

const thrown = async (promise) => {
  try {
    return { answer: await promise };
  } catch (error) {
    return { error: error.constructor.name, status: error.status ?? null, message: String(error.message) };
  }
};

const client = await clients[protocol]();
const cases = {
  tools: async () => ({ first: await client.streamed(), second: await client.whole() }),
  refused: () => thrown(client.whole()),
  failed: () => thrown(client.streamed()),
  models: client.models,
  count: client.count,
};
process.stdout.write(JSON.stringify(await cases[wanted]()));
