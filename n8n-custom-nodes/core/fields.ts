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

/** Control characters, which no label needs. */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** Refuses text that is cut in the middle of a character: it cannot be written as UTF-8. */
export function checkUnicode(text: string, field: string): void {
	if (!text.isWellFormed()) throw bad(field, 'is not valid Unicode: it has half of a surrogate pair');
}

/** A label for the books, such as a user or a tag: short, and on one line. */
export function optionalLabel(body: Body, field: string): string | null {
	const value = optionalText(body, field, LABEL_LENGTH);
	if (value !== null) checkLabel(value, field);
	return value;
}

const LABEL_LENGTH = 128;

function checkLabel(value: string, field: string): void {
	checkUnicode(value, field);
	if (value === '' || CONTROL.test(value)) throw bad(field, 'must have characters, and no control characters');
}

export function labels(body: Body, field: string, maxItems: number): string[] {
	const list = textList(body, field, maxItems, LABEL_LENGTH);
	for (const label of list) checkLabel(label, field);
	return list;
}

export function optionalText(body: Body, field: string, maxLength: number): string | null {
	const value = body[field];
	if (value === undefined || value === null) return null;
	if (typeof value !== 'string') throw bad(field, 'must be a string');
	if (value.length > maxLength) throw bad(field, `must have at most ${maxLength} characters`);
	return value;
}

export function optionalFlag(body: Body, field: string): boolean | null {
	const value = body[field];
	if (value === undefined || value === null) return null;
	if (typeof value !== 'boolean') throw bad(field, 'must be true or false');
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

export function textList(body: Body, field: string, maxItems: number, maxLength = 200): string[] {
	const value = body[field];
	if (value === undefined || value === null) return [];
	const list = typeof value === 'string' ? [value] : value;
	const fits = (one: unknown) => typeof one === 'string' && one.length <= maxLength;
	if (!Array.isArray(list) || list.length > maxItems || !list.every(fits)) {
		throw bad(field, `must be at most ${maxItems} strings of up to ${maxLength} characters`);
	}
	return list as string[];
}
