/** Reading a caller's JSON body field by field, with refusals that name the field. */
import { Refusal } from './refusal';

export type Body = Record<string, unknown>;

export function bad(field: string, problem: string): Refusal {
	return new Refusal(400, 'invalid_request', `${field}: ${problem}`, field);
}

/** Refuses every field that is not in `known`: what is not understood is not dropped in silence. */
export function refuseUnknown(body: Body, known: readonly string[]): void {
	for (const field of Object.keys(body)) {
		if (!known.includes(field)) {
			throw new Refusal(400, 'unsupported_parameter', `${field.slice(0, 100)}: this parameter is not supported here`, field);
		}
	}
}

export function optionalText(body: Body, field: string, maxLength: number): string | null {
	const value = body[field];
	if (value === undefined || value === null) return null;
	if (typeof value !== 'string') throw bad(field, 'must be a string');
	if (value.length > maxLength) throw bad(field, `must have at most ${maxLength} characters`);
	return value;
}

export function optionalInteger(body: Body, field: string, low: number, high: number): number | null {
	const value = body[field];
	if (value === undefined || value === null) return null;
	if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high) {
		throw bad(field, `must be a whole number from ${low} to ${high}`);
	}
	return value;
}

export function optionalNumber(body: Body, field: string, low: number, high: number): number | null {
	const value = body[field];
	if (value === undefined || value === null) return null;
	if (typeof value !== 'number' || !(value >= low && value <= high)) {
		throw bad(field, `must be a number from ${low} to ${high}`);
	}
	return value;
}

export function textList(body: Body, field: string, maxItems: number): string[] {
	const value = body[field];
	if (value === undefined || value === null) return [];
	const list = typeof value === 'string' ? [value] : value;
	const valid = Array.isArray(list) && list.length <= maxItems && list.every((one) => typeof one === 'string' && one.length <= 200);
	if (!valid) throw bad(field, `must be at most ${maxItems} strings of up to 200 characters`);
	return list as string[];
}
