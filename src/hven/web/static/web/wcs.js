// The projection of the sky onto a frame: TAN with SIP distortion or ZPN, from the solution's cards.
// Pixels are 0-based, in the file's order of rows; angles are degrees. The same formulae as hven.science.sky.wcs.

const RAD = Math.PI / 180;

function polynomial(cards, letter) {
  const order = cards[`${letter}_ORDER`];
  if (order === undefined) return null;
  const terms = [];
  for (let p = 0; p <= order; p += 1) {
    for (let q = 0; p + q <= order; q += 1) {
      const value = cards[`${letter}_${p}_${q}`];
      if (value) terms.push([p, q, value]);
    }
  }
  return (u, v) => terms.reduce((sum, [p, q, value]) => sum + value * u ** p * v ** q, 0);
}

// The radius of ZPN by the distance z from the axis, radians, with its inverse; null for other projections.
function zenithal(cards) {
  if (!String(cards.CTYPE1).startsWith("RA---ZPN")) return null;
  const terms = [];
  for (let m = 0; m < 30; m += 1) terms.push(cards[`PV2_${m}`] ?? 0);
  const radius = (z) => terms.reduceRight((sum, term) => sum * z + term, 0);
  let reach = Math.PI;
  for (let z = 0.002; z <= Math.PI; z += 0.002) {
    if (radius(z) <= radius(z - 0.002)) {
      reach = z - 0.002;
      break;
    }
  }
  const distance = (r) => {
    if (r > radius(reach)) return null;
    let [low, high] = [0, reach];
    while (high - low > 1e-13) {
      const middle = (low + high) / 2;
      if (radius(middle) < r) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  };
  return { radius, distance, reach };
}

export class Wcs {
  constructor(cards) {
    this.crval = [cards.CRVAL1, cards.CRVAL2];
    this.crpix = [cards.CRPIX1 - 1, cards.CRPIX2 - 1];
    this.cd = [cards.CD1_1 ?? 0, cards.CD1_2 ?? 0, cards.CD2_1 ?? 0, cards.CD2_2 ?? 0];
    this.a = polynomial(cards, "A");
    this.b = polynomial(cards, "B");
    this.lens = zenithal(cards);
    const [ra, dec] = [this.crval[0] * RAD, this.crval[1] * RAD];
    this.east = [-Math.sin(ra), Math.cos(ra), 0];
    this.north = [-Math.sin(dec) * Math.cos(ra), -Math.sin(dec) * Math.sin(ra), Math.cos(dec)];
    this.outward = [Math.cos(dec) * Math.cos(ra), Math.cos(dec) * Math.sin(ra), Math.sin(dec)];
    this.determinant = this.cd[0] * this.cd[3] - this.cd[1] * this.cd[2];
    this.scale = Math.sqrt(Math.abs(this.determinant)); // degrees per pixel
  }

  toSky(x, y) {
    let [u, v] = [x - this.crpix[0], y - this.crpix[1]];
    if (this.a && this.b) [u, v] = [u + this.a(u, v), v + this.b(u, v)];
    const xi = (this.cd[0] * u + this.cd[1] * v) * RAD;
    const eta = (this.cd[2] * u + this.cd[3] * v) * RAD;
    let [across, ahead] = [1, 1];
    if (this.lens) {
      const r = Math.hypot(xi, eta);
      const z = this.lens.distance(r);
      if (z === null) return [NaN, NaN];
      [across, ahead] = [r > 0 ? Math.sin(z) / r : 1, Math.cos(z)];
    }
    const [X, Y, Z] = [0, 1, 2].map(
      (i) => across * (xi * this.east[i] + eta * this.north[i]) + ahead * this.outward[i],
    );
    return [((Math.atan2(Y, X) / RAD) + 360) % 360, Math.atan2(Z, Math.hypot(X, Y)) / RAD];
  }

  toPixel(ra, dec) {
    const [a, d] = [ra * RAD, dec * RAD];
    const vector = [Math.cos(d) * Math.cos(a), Math.cos(d) * Math.sin(a), Math.sin(d)];
    const along = (axis) => vector.reduce((sum, value, i) => sum + value * axis[i], 0);
    const cosine = along(this.outward);
    let stretch = 1 / cosine;
    if (this.lens) {
      const sine = Math.hypot(along(this.east), along(this.north));
      const z = Math.atan2(sine, cosine);
      if (z > this.lens.reach) return null;
      stretch = sine > 0 ? this.lens.radius(z) / sine : 1;
    } else if (cosine <= 0) return null;
    const [xi, eta] = [(along(this.east) * stretch) / RAD, (along(this.north) * stretch) / RAD];
    const u = (this.cd[3] * xi - this.cd[1] * eta) / this.determinant;
    const v = (-this.cd[2] * xi + this.cd[0] * eta) / this.determinant;
    if (!this.a || !this.b) return [u + this.crpix[0], v + this.crpix[1]];
    let [x, y] = [u, v];
    for (let i = 0; i < 30; i += 1) {
      const [nx, ny] = [u - this.a(x, y), v - this.b(x, y)];
      const step = Math.hypot(nx - x, ny - y);
      [x, y] = [nx, ny];
      if (step < 1e-6) break;
    }
    return Number.isFinite(x + y) ? [x + this.crpix[0], y + this.crpix[1]] : null;
  }
}
