// Make templates/europe.html, the map of the page of the countries; run once, its output is committed.
//
//     npm install --no-save world-atlas@2.0.2 topojson-client@3.1.0 d3-geo@3.1.2     (in a folder of its own)
//     node …/node/dashboard/make_map.mjs > node/dashboard/templates/europe.html       (run it there)
//
// Shapes: Natural Earth (public domain) by world-atlas (ISC). Equal-area projection of the EU (ETRS89-LAEA). What is
// too small to be seen gets a round mark. Each country is coloured by its state: `states` is country -> state.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const here = createRequire(join(process.cwd(), "x.js"));
const load = (name) => import(pathToFileURL(here.resolve(name)));
const { feature } = await load("topojson-client");
const { geoAzimuthalEqualArea, geoPath, geoArea, geoCentroid } = await load("d3-geo");
const world = JSON.parse(readFileSync(here.resolve("world-atlas/countries-50m.json")));

const WIDTH = 640, HEIGHT = 640, SMALLEST = 1.5e-5; // viewBox; steradians of the smallest island that is drawn
const CODES = {
  AT: "040", BE: "056", BG: "100", CY: "196", CZ: "203", DE: "276", DK: "208", EE: "233", ES: "724", FI: "246",
  FR: "250", GR: "300", HR: "191", HU: "348", IE: "372", IS: "352", IT: "380", LI: "438", LT: "440", LU: "442",
  LV: "428", MT: "470", NL: "528", NO: "578", PL: "616", PT: "620", RO: "642", SE: "752", SI: "705", SK: "703",
};
const MARKED = ["CY", "LI", "LU", "MT"];
const AROUND = ["008", "070", "112", "499", "498", "756", "807", "688", "804", "826", "792", "643", "504", "012", "788", "Kosovo"];

const projection = geoAzimuthalEqualArea().rotate([-10, -52]).clipAngle(60).scale(940).translate([325, 330])
  .clipExtent([[0, 0], [WIDTH, HEIGHT]]);
const path = geoPath(projection);
const all = new Map(feature(world, world.objects.countries).features.map((one) => [one.id ?? one.properties.name, one]));

function drawn(id) {
  const shape = all.get(id).geometry;
  const polygons = shape.type === "Polygon" ? [shape.coordinates] : shape.coordinates;
  const sized = polygons.map((coordinates) => ({ coordinates, area: geoArea({ type: "Polygon", coordinates }) }));
  const largest = Math.max(...sized.map((one) => one.area));
  const kept = sized.filter((one) => one.area > SMALLEST || one.area === largest).map((one) => one.coordinates);
  return tidy(path({ type: "MultiPolygon", coordinates: kept }) ?? "");
}

// Whole numbers and relative moves: a line that a reader can't see costs nothing.
function tidy(text) {
  return text.split("Z").map((ring) => {
    const points = ring.replace("M", "").split("L").filter(Boolean).map((p) => p.split(",").map((n) => Math.round(+n)));
    const kept = points.filter((p, i) => i === 0 || p[0] !== points[i - 1][0] || p[1] !== points[i - 1][1]);
    if (kept.length < 3) return "";
    let [x, y] = kept[0];
    const steps = kept.slice(1).map(([a, b]) => { const step = `${a - x},${b - y}`; [x, y] = [a, b]; return step; });
    return `M${kept[0]}l${steps.join(" ")}z`;
  }).join("");
}

const lines = [
  "{#- Made by make_map.mjs from Natural Earth (public domain). `states` is country code -> state, see countries.html. -#}",
  `<svg class="ent-map" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="{{ t('countries.map').text }}">`,
  `<path class="ent-map__around" d="${AROUND.map(drawn).join("")}"/>`,
];
for (const [code, id] of Object.entries(CODES))
  lines.push(`<path class="ent-land ent-land--{{ states['${code}'] }}" d="${drawn(id)}"/>`);
for (const code of MARKED) {
  const [x, y] = projection(geoCentroid(all.get(CODES[code])) ).map(Math.round);
  lines.push(`<circle class="ent-land ent-land--{{ states['${code}'] }}" cx="${x}" cy="${y}" r="6"/>`);
}
lines.push("</svg>");
process.stdout.write(lines.join("\n") + "\n");
