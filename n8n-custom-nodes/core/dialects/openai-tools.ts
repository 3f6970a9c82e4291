/** OpenAI's tools and how a model may use them, in the neutral form. */
import type { IDataObject } from 'n8n-workflow';

import type { Tool } from '../chat';
import type { Body } from '../fields';
import { bad, list, object, optionalFlag, optionalText, refuseUnknown, text } from '../fields';
import { Refusal } from '../refusal';

const NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const MAX_TOOLS = 128;
const MAX_DESCRIPTION = 100_000;

export function readTools(given: unknown): Tool[] {
	if (given === undefined || given === null) return [];
	const tools = list(given, 'tools').map(readTool);
	if (tools.length > MAX_TOOLS) throw bad('tools', `must be at most ${MAX_TOOLS}`);
	return tools;
}

function readTool(given: unknown, index: number): Tool {
	const field = `tools[${index}]`;
	const { type, function: called } = object(given, field);
	if (type !== 'function') throw new Refusal(400, 'unsupported_parameter', `${field}.type: only function tools are supported here`, `${field}.type`);
	const spec = object(called, `${field}.function`);
	refuseUnknown(spec, ['name', 'description', 'parameters', 'strict']);
	const name = text(spec.name, `${field}.function.name`);
	if (!NAME.test(name)) throw bad(`${field}.function.name`, 'must be up to 64 letters, digits, _ and -');
	const parameters = spec.parameters ?? { type: 'object', properties: {} };
	const description = optionalText(spec, 'description', MAX_DESCRIPTION);
	return {
		name,
		...(description ? { description } : {}),
		input_schema: { type: 'object', ...(object(parameters, `${field}.function.parameters`) as IDataObject) },
		...(optionalFlag(spec, 'strict') ? { strict: true } : {}),
	};
}

/** `tool_choice` and `parallel_tool_calls`; null where the model decides. */
export function readToolChoice(body: Body, tools: Tool[]): IDataObject | null {
	const choice = readChoice(body.tool_choice, tools);
	const parallel = body.parallel_tool_calls ?? true;
	if (typeof parallel !== 'boolean') throw bad('parallel_tool_calls', 'must be true or false');
	if (parallel || tools.length === 0 || choice?.type === 'none') return choice;
	return { ...(choice ?? { type: 'auto' }), disable_parallel_tool_use: true };
}

function readChoice(given: unknown, tools: Tool[]): IDataObject | null {
	if (given === undefined || given === null || given === 'auto') return null;
	if (given === 'none') return tools.length > 0 ? { type: 'none' } : null;
	if (tools.length === 0) throw bad('tool_choice', 'needs tools to choose from');
	if (given === 'required') return { type: 'any' };
	if (typeof given !== 'object') throw bad('tool_choice', 'must be none, auto, required or a function');
	const { type, function: called } = given as Body;
	if (type !== 'function') throw bad('tool_choice.type', 'must be function');
	const { name } = object(called, 'tool_choice.function');
	if (!tools.some((tool) => tool.name === name)) throw bad('tool_choice.function.name', 'is none of the tools');
	return { type: 'tool', name: name as string };
}
