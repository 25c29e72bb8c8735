// The picture on the screen: OpenSeadragon over the server's tiles. Tiles that have changed are swapped where they
// stand, once the new one is there, so that nothing flickers; only they travel.

const OSD = window.OpenSeadragon;
const SHARP = 1.5; // screen pixels a pixel of the picture from which on pixels are shown as squares
const BLINK = 700; // ms
const BASE = ["untouched", "picture", "marks"];
const OVER = { guides: 0.45, hints: 0.6, found: 0.85 }; // what else may lie over the picture, and how opaque it is

/** Where the picture's pixels are shown, and how it is looked at. */
export class Viewer extends EventTarget {
  constructor(element, beside) {
    super();
    this.beside = beside;
    this.osd = make(element);
    this.look = { exposure: 0, gamma: 1, band: "", inverted: false };
    this.colour = "ff00c8";
    this.compare = "none";
    this.split = 0.5;
    this.fade = 1; // how opaque the retouch is
    this.marksShown = true;
    this.shown = new Set(); // of OVER
    for (const event of ["update-viewport", "animation", "open", "resize"]) {
      this.osd.addHandler(event, () => this.#moved());
    }
    this.osd.addHandler("tile-invalidated", (event) => this.#fresh(event));
  }

  /** Show a session's picture; resolves when it is there. */
  async open(session) {
    this.close();
    const about = session.about;
    this.session = session;
    this.width = about.width;
    this.height = about.height;
    this.top = about.levels - 1;
    this.tile = about.tile;
    this.epoch = Date.now().toString(36); // a tile's address is of this time alone, as states are counted anew
    this.versions = new Map();
    this.loaded = new Map();
    this.count = 0;
    this.images = {};
    const layers = [...BASE, ...Object.keys(OVER)];
    const images = await Promise.all(layers.map((layer) => this.#add(this.osd, layer)));
    layers.forEach((layer, k) => { this.images[layer] = images[k]; });
    this.fit(true);
    this.#arrange();
  }

  close() {
    this.setCompare("none");
    this.osd.world?.removeAll();
    this.session = null;
    this.images = {};
  }

  #add(osd, layer) {
    const source = {
      width: this.width, height: this.height, tileSize: this.tile, tileOverlap: 0, minLevel: 0, maxLevel: this.top,
      getTileUrl: (level, x, y) => () => {
        const key = `${layer}/${level}/${x}/${y}`;
        this.loaded.set(key, this.#version(key));
        return this.#url(layer, level, x, y);
      },
      getTileHashKey: (level, x, y) => `${this.epoch}/${layer}/${level}/${x}/${y}`,
    };
    return new Promise((resolve, reject) => osd.addTiledImage({
      tileSource: source, x: 0, y: 0, width: 1, preload: false, opacity: ["picture", "marks"].includes(layer) ? 1 : 0,
      success: ({ item }) => { item.layer = layer; resolve(item); },
      error: () => reject(new Error("The picture can't be shown.")),
    }));
  }

  #version(key) {
    return `${this.versions.get(key) ?? 0}.${this.looks ?? 0}`;
  }

  #url(layer, level, x, y) {
    const query = new URLSearchParams({ v: `${this.epoch}.${this.#version(`${layer}/${level}/${x}/${y}`)}` });
    if (layer === "marks") query.set("colour", this.colour);
    else if (layer === "found") query.set("colour", this.colour === "ffe600" ? "00e5ff" : "ffe600");
    else for (const [name, value] of Object.entries(this.look)) if (value) query.set(name, value);
    const shown = layer === "picture" && this.compare === "difference" ? "difference" : layer;
    return this.session.tile(shown, level, x, y, query);
  }

  /** Load a tile anew where what was loaded isn't what is to be seen. */
  async #fresh(event) {
    const { tile, tiledImage } = event;
    if (!tiledImage?.layer || !this.session) return;
    const key = `${tiledImage.layer}/${tile.level}/${tile.x}/${tile.y}`;
    if (this.loaded.get(key) === this.#version(key)) return;
    const image = new Image();
    image.src = this.#url(tiledImage.layer, tile.level, tile.x, tile.y);
    try {
      await image.decode();
    } catch {
      return; // the session was closed meanwhile
    }
    if (!event.outdated()) await event.setData(image, "image");
  }

  /** Boxes [left, top, right, bottom] of some layers look different now, by name; resolves when they are shown. */
  async changed(boxesOf) {
    const stale = [];
    this.count += 1;
    for (const [layer, boxes] of Object.entries(boxesOf)) {
      for (const [left, top, right, bottom] of boxes) {
        if (left >= right || top >= bottom) continue;
        for (let level = 0; level <= this.top; level += 1) {
          const side = this.tile * 2 ** (this.top - level);
          for (let x = Math.floor(left / side); x * side < right; x += 1) {
            for (let y = Math.floor(top / side); y * side < bottom; y += 1) {
              this.versions.set(`${layer}/${level}/${x}/${y}`, this.count);
              stale.push(...this.#tiles(layer, level, x, y));
            }
          }
        }
      }
    }
    await this.#swap(stale);
  }

  #tiles(layer, level, x, y) {
    const images = [this.images[layer], layer === this.besideImage?.layer ? this.besideImage : null];
    return images.map((image) => image?.tilesMatrix?.[level]?.[x]?.[y]).filter((tile) => tile?.loaded);
  }

  async #swap(tiles) {
    if (tiles.length) await this.osd.world.requestTileInvalidateEvent(tiles, OSD.now(), true);
    this.osd.forceRedraw();
  }

  /** Look at everything anew: another exposure, another colour of the marks. */
  async refresh() {
    this.looks = (this.looks ?? 0) + 1;
    const tiles = [];
    for (const image of Object.values(this.images)) {
      for (const level of Object.values(image.tilesMatrix)) {
        for (const column of Object.values(level)) tiles.push(...Object.values(column).filter((tile) => tile.loaded));
      }
    }
    const seen = new Set(Object.values(this.images).flatMap((image) => image.getTilesToDraw().map(({ tile }) => tile)));
    await this.#swap(tiles.filter((tile) => seen.has(tile)));
    await this.#swap(tiles.filter((tile) => !seen.has(tile)));
  }

  setLook(values) {
    Object.assign(this.look, values);
    return this.session ? this.refresh() : undefined;
  }

  setColour(colour) {
    this.colour = colour;
    return this.session ? this.refresh() : undefined;
  }

  setFade(fade) {
    this.fade = fade;
    this.#arrange();
  }

  showMarks(shown) {
    this.marksShown = shown;
    this.#arrange();
  }

  /** Show a layer over the picture, or hide it: a name of OVER. */
  showLayer(layer, shown) {
    if (this.shown.has(layer) === shown) return;
    if (shown) this.shown.add(layer);
    else this.shown.delete(layer);
    this.#arrange();
  }

  /** Everything in every layer may look different. */
  whole() {
    const box = [0, 0, this.width, this.height];
    return Object.fromEntries(["picture", "marks", ...Object.keys(OVER)].map((layer) => [layer, [box]]));
  }

  /** The part of the picture that is in view: [left, top, right, bottom], null where there is none. */
  get box() {
    const { x, y, width, height } = this.osd.viewport.getBounds(true);
    const [left, top] = [Math.max(Math.floor(x * this.width), 0), Math.max(Math.floor(y * this.width), 0)];
    const right = Math.min(Math.ceil((x + width) * this.width), this.width);
    const bottom = Math.min(Math.ceil((y + height) * this.width), this.height);
    return left < right && top < bottom ? [left, top, right, bottom] : null;
  }

  /** Compare before and now: "none", "slider", "side", "blink" or "difference". */
  setCompare(how) {
    if (how === this.compare) return;
    const was = this.compare;
    this.compare = how;
    clearInterval(this.blinking);
    this.hidden = false;
    if (how === "blink") {
      this.blinking = setInterval(() => {
        this.hidden = !this.hidden;
        this.#arrange();
      }, BLINK);
    }
    if (how === "side") this.#openBeside();
    else if (was === "side") this.#closeBeside();
    if (this.session && (how === "difference" || was === "difference")) this.refresh();
    this.#arrange();
    this.dispatchEvent(new Event("compare"));
  }

  setSplit(split) {
    this.split = split;
    this.osd.element.parentElement.style.setProperty("--split", `${100 * split}%`);
    this.#arrange();
  }

  /** Show the picture as it was, for as long as a key is held. */
  setBefore(before) {
    this.hidden = before;
    this.#arrange();
  }

  #arrange() {
    const { untouched, picture, marks } = this.images;
    if (!marks) return;
    const opacity = this.hidden ? 0 : this.fade;
    const needed = opacity < 1 || this.compare === "slider" || this.compare === "blink";
    untouched.setOpacity(needed ? 1 : 0);
    picture.setOpacity(opacity);
    const plain = this.compare === "none" && !this.hidden;
    marks.setOpacity(this.marksShown && plain ? 0.55 : 0);
    for (const [layer, opaque] of Object.entries(OVER)) this.images[layer].setOpacity(this.shown.has(layer) && plain ? opaque : 0);
    if (this.compare === "slider") {
      const edge = this.toPicture(this.split * this.osd.container.clientWidth, 0)[0];
      const left = Math.min(Math.max(edge, 0), this.width);
      picture.setClip(new OSD.Rect(left, 0, Math.max(this.width - left, 0.01), this.height));
    } else picture.setClip(null);
    this.dispatchEvent(new Event("moved"));
  }

  async #openBeside() {
    this.beside.hidden = false;
    this.osd.element.parentElement.classList.add("two");
    this.other = make(this.beside);
    this.besideImage = await this.#add(this.other, "untouched");
    this.besideImage.setOpacity(1);
    const link = (from, to) => () => {
      if (this.linking) return;
      this.linking = true;
      to.viewport.zoomTo(from.viewport.getZoom(true), null, true);
      to.viewport.panTo(from.viewport.getCenter(true), true);
      this.linking = false;
    };
    this.osd.addHandler("update-viewport", this.link = link(this.osd, this.other));
    this.other.addHandler("update-viewport", link(this.other, this.osd));
    this.link();
  }

  #closeBeside() {
    this.osd.removeHandler("update-viewport", this.link);
    this.other.destroy();
    this.other = this.besideImage = null;
    this.beside.hidden = true;
    this.beside.replaceChildren();
    this.osd.element.parentElement.classList.remove("two");
  }

  #moved() {
    if (!this.session) return;
    this.osd.drawer.setImageSmoothingEnabled(this.scale < SHARP);
    if (this.compare === "slider") this.#arrange();
    this.dispatchEvent(new Event("moved"));
  }

  /** Screen pixels (of CSS) a pixel of the picture. */
  get scale() {
    return this.osd.viewport.viewportToImageZoom
      ? (this.osd.viewport.getZoom(true) * this.osd.viewport.getContainerSize().x) / this.width : 1;
  }

  toPicture(x, y) {
    const point = this.osd.viewport.pointFromPixel(new OSD.Point(x, y), true);
    return [point.x * this.width, point.y * this.width];
  }

  toScreen(x, y) {
    const point = this.osd.viewport.pixelFromPoint(new OSD.Point(x / this.width, y / this.width), true);
    return [point.x, point.y];
  }

  fit(at_once = false) {
    const { clientWidth, clientHeight } = this.osd.element; // which may have changed while nothing was open
    this.osd.viewport.resize(new OSD.Point(clientWidth, clientHeight), false);
    this.osd.viewport.fitBounds(new OSD.Rect(0, 0, 1, this.height / this.width), at_once);
  }

  /** Go to a box [left, top, right, bottom] of the picture, with what is around it. */
  goTo([left, top, right, bottom]) {
    const side = Math.max(right - left, bottom - top, 60) * 1.5;
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    const box = [x - side, y - side, 2 * side, 2 * side].map((value) => value / this.width);
    this.osd.viewport.fitBounds(new OSD.Rect(...box));
  }

  zoomBy(factor) {
    this.osd.viewport.zoomBy(factor);
    this.osd.viewport.applyConstraints();
  }

  zoomTo(scale) {
    this.osd.viewport.zoomTo((scale * this.width) / this.osd.viewport.getContainerSize().x);
  }

  panBy(x, y) {
    this.osd.viewport.panBy(this.osd.viewport.deltaPointsFromPixels(new OSD.Point(x, y)));
    this.osd.viewport.applyConstraints();
  }
}

function make(element) {
  return OSD({
    element, drawer: "canvas", showNavigationControl: false, keyboardNavEnabled: false, animationTime: 0.25,
    springStiffness: 9, visibilityRatio: 0.3, minZoomImageRatio: 0.5, maxZoomPixelRatio: 40, zoomPerScroll: 1.25,
    preserveImageSizeOnResize: true, imageLoaderLimit: 6, maxImageCacheCount: 300, blendTime: 0,
    immediateRender: false, crossOriginPolicy: false,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: false },
    gestureSettingsTouch: { clickToZoom: false, dblClickToZoom: false },
    gestureSettingsPen: { clickToZoom: false, dblClickToZoom: false },
    gestureSettingsUnknown: { clickToZoom: false, dblClickToZoom: false },
  });
}
