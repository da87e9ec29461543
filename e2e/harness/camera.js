// A drawn person for Chromium's fake camera: pictures in documents should show a meeting, not a test pattern.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBrowser } from './browser.js';

const size = { width: 640, height: 360, frames: 30, rate: 15 };

/** Makes the camera files of several looks ({ wall, skin, hair, shirt }, CSS colours); returns where they lie. */
export async function cameras(folder, looks) {
  const { page, close } = await openBrowser();
  try {
    const files = [];
    for (const [i, look] of looks.entries()) {
      const file = join(folder, `camera-${i}.y4m`);
      const frames = await page.evaluate(drawn, { look, size });
      const bytes = frames.map((f) => Buffer.concat([Buffer.from('FRAME\n'), Buffer.from(f, 'base64')]));
      await writeFile(file, Buffer.concat([Buffer.from(header()), ...bytes]));
      files.push(file);
    }
    return files;
  } finally {
    await close();
  }
}

function header() {
  return `YUV4MPEG2 W${size.width} H${size.height} F${size.rate}:1 Ip A1:1 C420jpeg\n`;
}

// Runs in a page: draws the frames and returns them as I420 planes in base64.
function drawn({ look, size }) {
  const { width, height, frames } = size;
  const canvas = new OffscreenCanvas(width, height);
  const g = canvas.getContext('2d', { willReadFrequently: true });
  return Array.from({ length: frames }, (_, i) => {
    paint(Math.sin((2 * Math.PI * i) / frames));
    return base64(planes(g.getImageData(0, 0, width, height).data));
  });

  function paint(sway) {
    const light = g.createLinearGradient(0, 0, width, height);
    light.addColorStop(0, look.wall[0]);
    light.addColorStop(1, look.wall[1]);
    g.fillStyle = light;
    g.fillRect(0, 0, width, height);
    const x = width / 2 + 4 * sway;
    const y = 165 + 2 * sway;
    blob(look.shirt, x, 372, 150, 120);
    blob(look.hair, x, y - 14, 78, 86);
    if (look.long) blob(look.hair, x, y + 40, 84, 90);
    blob(look.skin, x, y + 82, 30, 50);
    blob(look.skin, x, y + 12, 62, 76);
    blob(look.hair, x, y - 62, 60, 28);
    for (const side of [-1, 1]) blob('#2b2430', x + 24 * side, y + 4, 5, 6);
    g.strokeStyle = '#7a3b3f';
    g.lineWidth = 4;
    g.lineCap = 'round';
    g.beginPath();
    g.arc(x, y + 34, 18, 0.25, Math.PI - 0.25);
    g.stroke();
  }

  function blob(colour, x, y, rx, ry) {
    g.fillStyle = colour;
    g.beginPath();
    g.ellipse(x, y, rx, ry, 0, 0, 2 * Math.PI);
    g.fill();
  }

  function planes(rgba) {
    const luma = new Uint8Array(width * height);
    const half = (width / 2) * (height / 2);
    const [blue, red] = [new Uint8Array(half), new Uint8Array(half)];
    for (let p = 0; p < luma.length; p++) {
      const [r, gr, b] = [rgba[4 * p], rgba[4 * p + 1], rgba[4 * p + 2]];
      luma[p] = 16 + 0.257 * r + 0.504 * gr + 0.098 * b; // BT.601, studio range: what Chromium expects
      const [px, py] = [p % width, Math.floor(p / width)];
      if (px % 2 || py % 2) continue;
      const at = (py / 2) * (width / 2) + px / 2;
      blue[at] = 128 - 0.148 * r - 0.291 * gr + 0.439 * b;
      red[at] = 128 + 0.439 * r - 0.368 * gr - 0.071 * b;
    }
    const all = new Uint8Array(luma.length + 2 * half);
    all.set(luma);
    all.set(blue, luma.length);
    all.set(red, luma.length + half);
    return all;
  }

  function base64(bytes) {
    let text = '';
    for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    return btoa(text);
  }
}
