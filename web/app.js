// The page of a sotto server: upload or record, watch the text come, listen, name speakers, download. No library, no network but the server.
"use strict";

const $ = (id) => document.getElementById(id);
const COLOURS = ["#2f6fb0", "#c2562d", "#3c8d5a", "#8a4fa3", "#b08a1e", "#2b8f98", "#b3446c", "#6b7280"];
const state = { request: null, segments: [], names: {}, peaks: null, duration: 0, answer: null, name: "recording", job: null, timer: 0 };

function clock(seconds, marker, hours) {
  const ms = Math.round(Math.max(0, seconds) * 1000), pad = (n, w) => String(n).padStart(w, "0");
  const h = Math.floor(ms / 3600000), rest = `${pad(Math.floor(ms / 60000) % 60, 2)}:${pad(Math.floor(ms / 1000) % 60, 2)}`;
  const whole = h || hours ? `${pad(h, 2)}:${rest}` : rest;
  return marker ? whole + marker + pad(ms % 1000, 3) : whole;
}

function headers() {
  const key = $("key").value || sessionStorage.getItem("key") || "";
  return key ? { Authorization: "Bearer " + key } : {};
}

function complain(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

function speakerName(id) { return state.names[id] || id; }
function speakerIds() { return [...new Set(state.segments.map((s) => s.speaker).filter(Boolean))]; }
function colour(id) { return id ? COLOURS[speakerIds().indexOf(id) % COLOURS.length] : "transparent"; }

// ---- the text ----

function wordsOf(segment) {
  if (segment.words && segment.words.length) return segment.words;
  return [{ word: segment.text, start: segment.start, end: segment.end }];
}

function showSegment(segment) {
  const line = document.createElement("li"), time = document.createElement("time"), body = document.createElement("span");
  time.textContent = clock(segment.start);
  line.style.borderLeftColor = colour(segment.speaker);
  if (segment.speaker) {
    const who = document.createElement("span");
    who.className = "who";
    who.textContent = speakerName(segment.speaker) + ":";
    body.append(who);
  }
  for (const word of wordsOf(segment)) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = word.word.trim();
    button.dataset.start = word.start;
    button.dataset.end = word.end;
    button.title = clock(word.start, ".");
    body.append(button, " ");
  }
  line.append(time, body);
  $("text").append(line);
}

function showAll() {
  $("text").replaceChildren();
  state.segments.forEach(showSegment);
  showPeople();
  search();
  draw();
}

function showPeople() {
  $("people").replaceChildren(...speakerIds().map((id) => {
    const item = document.createElement("li"), dot = document.createElement("span"), input = document.createElement("input");
    dot.className = "dot";
    dot.style.background = colour(id);
    input.value = speakerName(id);
    input.setAttribute("aria-label", "Name of " + id);
    input.addEventListener("change", () => {
      state.names[id] = input.value.trim() || id;
      showAll();
    });
    item.append(dot, input);
    return item;
  }));
}

function search() {
  const wanted = $("search").value.trim().toLowerCase();
  let hits = 0;
  for (const line of $("text").children) {
    const found = wanted && line.textContent.toLowerCase().includes(wanted);
    line.classList.toggle("miss", Boolean(wanted) && !found);
    for (const button of line.querySelectorAll("button")) {
      const hit = Boolean(wanted) && button.textContent.toLowerCase().includes(wanted);
      button.classList.toggle("hit", hit);
      hits += hit;
    }
  }
  $("hits").textContent = wanted ? `${hits} found` : "";
}

// ---- the picture and the sound ----

function draw() {
  const canvas = $("wave"), ratio = devicePixelRatio || 1, width = canvas.clientWidth * ratio, height = canvas.clientHeight * ratio;
  if (!width) return;
  canvas.width = width;
  canvas.height = height;
  const g = canvas.getContext("2d"), ink = getComputedStyle(document.body).getPropertyValue("--soft"), band = 14 * ratio, middle = (height - band) / 2;
  const length = state.duration || 1;
  g.fillStyle = ink;
  for (let x = 0; x < width; x++) {
    const peak = state.peaks ? state.peaks[Math.floor((x * state.peaks.length) / width)] : 0.02, h = Math.max(1, peak * middle);
    g.fillRect(x, middle - h, 1, 2 * h);
  }
  for (const s of state.segments) {
    g.fillStyle = s.speaker ? colour(s.speaker) : ink;
    g.globalAlpha = s.speaker ? 1 : 0.5;
    g.fillRect((s.start / length) * width, height - band, Math.max(1, ((s.end - s.start) / length) * width - 1), band);
  }
  g.globalAlpha = 1;
  g.fillStyle = getComputedStyle(document.body).getPropertyValue("--act");
  g.fillRect(($("audio").currentTime / length) * width - ratio, 0, 2 * ratio, height);
}

async function findPeaks(blob) {
  state.peaks = null;
  if (blob.size > 200e6 || !window.AudioContext) return;
  try {
    const context = new OfflineAudioContext(1, 1, 8000), sound = await context.decodeAudioData(await blob.arrayBuffer());
    const samples = sound.getChannelData(0), n = 2000, step = Math.max(1, Math.floor(samples.length / n)), peaks = new Float32Array(n);
    for (let i = 0; i < n; i++)
      for (let k = i * step; k < Math.min(samples.length, (i + 1) * step); k += 8) peaks[i] = Math.max(peaks[i], Math.abs(samples[k]));
    const loudest = peaks.reduce((a, b) => Math.max(a, b), 0.01); // quiet recordings are to be seen, too
    state.peaks = peaks.map((p) => p / loudest);
    state.duration = state.duration || sound.duration;
    draw();
  } catch { /* a format that the browser does not know: the server may */ }
}

function play() { $("audio").play().catch(() => { /* paused again, or not playable here */ }); }

function seek(seconds) {
  const audio = $("audio");
  audio.currentTime = Math.min(Math.max(0, seconds), state.duration || audio.duration || 0);
}

function follow() {
  const at = $("audio").currentTime;
  $("wave").setAttribute("aria-valuenow", Math.round(at));
  for (const button of $("text").querySelectorAll("button")) button.classList.toggle("now", at >= +button.dataset.start && at < +button.dataset.end);
  [...$("text").children].forEach((line, i) => line.classList.toggle("now", at >= state.segments[i].start && at < state.segments[i].end));
  draw();
}

// ---- the request ----

function takeEvent(event) {
  if (event.error) return complain(event.error.message);
  if (event.type === "transcript.text.segment") {
    state.segments.push(event);
    state.duration = Math.max(state.duration, event.end);
    showSegment(event);
    draw();
  } else if (event.type === "transcript.text.done") {
    state.answer = event;
    state.duration = event.duration;
    if (event.speakers.length) showAll();
    $("badge").textContent = event.device === "cpu" ? "CPU" : event.device.toUpperCase();
    $("badge").className = "badge" + (event.device === "cpu" ? "" : " npu");
    $("badge").hidden = false;
  }
}

async function poll() {
  if (!state.job || !state.request) return;
  try {
    const p = await (await fetch("/progress/" + state.job, { headers: headers() })).json();
    if (state.request && p.status === "running") {
      $("progress").value = p.progress;
      $("state").textContent = `${clock(p.processed)} of ${clock(p.duration)}, ${p.realtime_factor.toFixed(0)} times as fast as speech, ${clock(p.seconds_left)} left`;
    }
  } catch { /* the answer itself says what is wrong */ }
}

function finish(text) {
  clearInterval(state.timer);
  state.request = null;
  state.job = null;
  $("cancel").hidden = true;
  $("state").textContent = text;
}

function send(blob, name) {
  if (state.request) state.request.abort();
  const form = new FormData(), request = new XMLHttpRequest(), language = $("language").value.trim();
  Object.assign(state, { request, segments: [], names: {}, answer: null, duration: 0, name, job: null });
  form.append("model", $("model").value);
  form.append("stream", "true");
  if (language) form.append("language", language);
  if ($("words").checked) form.append("word_timestamps", "true");
  if ($("speakers").checked) form.append("diarization", "true");
  form.append("file", blob, name);
  complain("");
  $("work").hidden = $("result").hidden = $("cancel").hidden = false;
  $("badge").hidden = true;
  $("name").textContent = name;
  $("progress").value = 0;
  $("state").textContent = "uploading";
  $("text").replaceChildren();
  $("people").replaceChildren();
  $("audio").src = URL.createObjectURL(blob);
  findPeaks(blob);
  let read = 0;
  request.open("POST", $("translate").checked ? "/v1/audio/translations" : "/v1/audio/transcriptions");
  for (const [key, value] of Object.entries(headers())) request.setRequestHeader(key, value);
  request.upload.onprogress = (e) => { $("progress").value = e.total ? e.loaded / e.total : 0; };
  request.upload.onload = () => { $("progress").removeAttribute("value"); $("state").textContent = "listening"; };
  const take = () => {
    if (request.status !== 200) return;
    if (!state.job) state.job = request.getResponseHeader("X-Sotto-Job");
    for (let end; (end = request.responseText.indexOf("\n\n", read)) >= 0; read = end + 2) takeEvent(JSON.parse(request.responseText.slice(read + 6, end)));
  };
  request.onprogress = take;
  request.onload = () => {
    take();
    $("progress").value = 1;
    if (request.status === 401) askForKey();
    if (request.status !== 200) {
      let message = "The server answered " + request.status;
      try { message = JSON.parse(request.responseText).error.message; } catch { /* keep it */ }
      complain(message);
    }
    finish(state.answer ? `done: ${clock(state.duration)} of sound, language ${state.answer.language}` : "not finished");
    draw();
  };
  request.onerror = () => { complain("The server cannot be reached."); finish("not finished"); };
  request.onabort = () => finish("cancelled");
  state.timer = setInterval(poll, 500);
  request.send(form);
}

function askForKey() {
  $("key-label").hidden = false;
  $("key").focus();
}

// ---- downloads ----

function cueText(s) { return (s.speaker ? speakerName(s.speaker) + ": " : "") + s.text.trim(); }

const formats = {
  txt: () => state.segments.map(cueText).join("\n") + "\n",
  srt: () => state.segments.map((s, i) => `${i + 1}\n${clock(s.start, ",", true)} --> ${clock(s.end, ",", true)}\n${cueText(s).replaceAll("-->", "->")}\n\n`).join(""),
  vtt: () => "WEBVTT\n\n" + state.segments.map((s) => `${clock(s.start, ".", true)} --> ${clock(s.end, ".", true)}\n${cueText(s).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")}\n\n`).join(""),
  json: () => JSON.stringify({ ...state.answer, segments: state.segments.map((s) => ({ ...s, speaker: s.speaker && speakerName(s.speaker) })) }, null, 1),
  rttm: () => state.segments.filter((s) => s.speaker).map((s) => `SPEAKER ${state.name.replace(/\s/g, "_")} 1 ${s.start.toFixed(3)} ${(s.end - s.start).toFixed(3)} <NA> <NA> ${speakerName(s.speaker).replace(/\s/g, "_")} <NA> <NA>\n`).join(""),
};

function download(format) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([formats[format]()], { type: "text/plain;charset=utf-8" }));
  link.download = state.name.replace(/\.[^.]*$/, "") + "." + format;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// ---- the microphone ----

let recorder = null;

async function record() {
  if (recorder) return recorder.stop();
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true }), pieces = [];
    recorder = new MediaRecorder(stream);
    recorder.ondataavailable = (e) => pieces.push(e.data);
    recorder.onstop = () => {
      stream.getTracks().forEach((t) => t.stop());
      $("record").setAttribute("aria-pressed", "false");
      $("record").textContent = "● Record";
      const blob = new Blob(pieces, { type: recorder.mimeType });
      recorder = null;
      send(blob, "recording.webm");
    };
    recorder.start();
    $("record").setAttribute("aria-pressed", "true");
    $("record").textContent = "■ Stop";
  } catch (error) {
    complain("The microphone cannot be used: " + error.message);
  }
}

// ---- beginnings ----

async function greet() {
  try {
    const answer = await fetch("/v1/models", { headers: headers() });
    if (answer.status === 401) {
      $("server").textContent = "a key is needed";
      return askForKey();
    }
    const models = (await answer.json()).data;
    $("model").replaceChildren(...models.map((m) => new Option(m.id, m.id)));
    const status = await (await fetch("/status", { headers: headers() })).json();
    $("server").textContent = `${status.version}, ${status.cpu}`;
  } catch {
    $("server").textContent = "the server cannot be reached";
  }
}

$("file").addEventListener("change", (e) => e.target.files[0] && send(e.target.files[0], e.target.files[0].name));
for (const kind of ["dragover", "dragleave", "drop"]) {
  $("drop").addEventListener(kind, (e) => {
    e.preventDefault();
    $("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && e.dataTransfer.files[0]) send(e.dataTransfer.files[0], e.dataTransfer.files[0].name);
  });
}
$("options").addEventListener("submit", (e) => e.preventDefault());
$("record").addEventListener("click", record);
$("cancel").addEventListener("click", () => state.request && state.request.abort());
$("search").addEventListener("input", search);
$("key").addEventListener("change", () => { sessionStorage.setItem("key", $("key").value); greet(); });
$("text").addEventListener("click", (e) => {
  if (e.target.dataset.start === undefined) return;
  seek(+e.target.dataset.start);
  play();
});
$("wave").addEventListener("click", (e) => seek((e.offsetX / e.target.clientWidth) * state.duration));
$("audio").addEventListener("timeupdate", follow);
$("audio").addEventListener("loadedmetadata", () => { if (isFinite($("audio").duration)) state.duration = state.duration || $("audio").duration; $("wave").setAttribute("aria-valuemax", Math.round(state.duration)); });
document.querySelector(".downloads").addEventListener("click", (e) => e.target.dataset.format && download(e.target.dataset.format));
document.addEventListener("keydown", (e) => {
  if ($("result").hidden || /^(INPUT|SELECT|TEXTAREA|BUTTON|AUDIO)$/.test(e.target.tagName)) return;
  const audio = $("audio");
  if (e.key === " ") audio.paused ? play() : audio.pause();
  else if (e.key === "ArrowLeft") seek(audio.currentTime - 5);
  else if (e.key === "ArrowRight") seek(audio.currentTime + 5);
  else return;
  e.preventDefault();
});
addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
greet();
