// Reads downloaded transcripts back. Each reader returns [{t0, t1, text}] in milliseconds, or throws on a broken file.

import assert from 'node:assert/strict';

export const readers = { vtt: readVTT, srt: readSRT, json: readJSON, txt: readPlain, md: readPlain };

const vttTime = /^(?:(\d{2,}):)?(\d\d):(\d\d)\.(\d{3})$/;
const srtTime = /^(\d{2,}):(\d\d):(\d\d),(\d{3})$/;

function readVTT(file) {
  const [head, ...blocks] = paragraphs(file);
  assert.match(head, /^WEBVTT/, 'a VTT file begins with WEBVTT');
  return blocks.filter((b) => !b.startsWith('NOTE') && !b.startsWith('STYLE')).map((b) => cue(b, vttTime));
}

function readSRT(file) {
  return paragraphs(file).map((block, i) => {
    const [number, ...rest] = block.split('\n');
    assert.equal(Number(number), i + 1, 'SRT cues are numbered');
    return cue(rest.join('\n'), srtTime);
  });
}

function cue(block, time) {
  const lines = block.split('\n');
  const at = lines.findIndex((l) => l.includes(' --> '));
  assert.ok(at >= 0, `a cue has a time line: ${lines[0]}`);
  const [t0, t1] = lines[at].split(' --> ').map((t) => milliseconds(t.trim().split(' ')[0], time));
  const text = lines.slice(at + 1).map(plain);
  assert.ok(t0 < t1 && t1 - t0 <= 7_000, `a cue lasts up to 7 s: ${t0} to ${t1}`);
  assert.ok(text.length <= 2 && text.every((l) => [...l].length <= 42), `a cue has 2 lines of 42: ${text.join(' / ')}`);
  return { t0, t1, text: text.join(' ') };
}

function milliseconds(text, form) {
  const match = form.exec(text);
  assert.ok(match, `"${text}" is a time`);
  const [h = '0', m, s, ms] = match.slice(1);
  return ((Number(h) * 60 + Number(m)) * 60 + Number(s)) * 1000 + Number(ms);
}

function plain(line) {
  const named = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&nbsp;': ' ', '&lrm;': '', '&rlm;': '' };
  return line.replace(/<[^>]*>/g, '').replace(/&\w+;/g, (e) => named[e] ?? e);
}

function readJSON(file) {
  return JSON.parse(file).segments;
}

function readPlain(file) {
  assert.notEqual(file.trim(), '');
  return paragraphs(file).map((text) => ({ text }));
}

function paragraphs(file) {
  return file.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n').trim().split(/\n{2,}/);
}
