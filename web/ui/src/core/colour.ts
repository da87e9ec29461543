// Colour arithmetic for the contrast tests: OKLCH to linear sRGB (Ottosson, bottosson.github.io/posts/oklab) and the
// contrast ratio of WCAG 2.2.

export type RGB = readonly [red: number, green: number, blue: number]; // linear, 0 to 1

export function fromOKLCH(lightness: number, chroma: number, hueDegrees: number): RGB {
  const hue = (hueDegrees * Math.PI) / 180;
  const a = chroma * Math.cos(hue);
  const b = chroma * Math.sin(hue);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    clip(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    clip(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    clip(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

export function fromHex(hex: string): RGB {
  const channel = (at: number) => linear(parseInt(hex.slice(at, at + 2), 16) / 255);
  return [channel(1), channel(3), channel(5)];
}

/** What is seen of a ground that covers a picture to a share (0 to 1): browsers mix gamma-encoded sRGB. */
export function mix(ground: string, picture: string, share: number): RGB {
  const channel = (at: number) => {
    const [over, under] = [ground, picture].map((hex) => parseInt(hex.slice(at, at + 2), 16) / 255);
    return linear(share * (over ?? 0) + (1 - share) * (under ?? 0));
  };
  return [channel(1), channel(3), channel(5)];
}

export function contrast(a: RGB, b: RGB): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05);
}

function luminance([r, g, b]: RGB): number {
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function linear(v: number): number {
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
}

function clip(v: number): number {
  return Math.min(1, Math.max(0, v));
}
