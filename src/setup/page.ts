// The setup page: one document with its style and script, as it goes to the phone. ASCII only, so that a character is a
// byte, and at most 8,192 of them; text beyond ASCII is spelt as entities. It speaks with the box by GET /status and
// POST /try, /more and /scan, never puts what was typed into an address, and asks for nothing from elsewhere. Written
// for the small browsers that phones open for such networks: no syntax later than 2018. What "unchanged" means: a field
// that is not sent stays as it is in the box.

const TEXT = `<!DOCTYPE html>
<html lang=en>
<meta charset=utf-8>
<meta name=viewport content="width=device-width,initial-scale=1">
<title>AlertBox setup</title>
<link rel=icon href=data:,>
<style>
:root{color-scheme:light dark;--p:#f3f0e9;--c:#fff;--i:#1a1f25;--s:#575f69;--e:#857e6f;--b:#0f57b8;--r:#bb1f18}
@media(prefers-color-scheme:dark){:root{--p:#111;--c:#222;--i:#eef;--s:#9ab;--e:#789;--b:#7bf;--r:#f87}}
*{box-sizing:border-box}
body{margin:auto;max-width:30rem;padding:1rem;background:var(--p);color:var(--i);font:16px/1.45 system-ui,sans-serif}
h1,h2,ol,p{margin:0 0 .6rem}
fieldset,.card{min-width:0;margin:0 0 1rem;padding:1rem;border:0;border-radius:14px;background:var(--c)}
legend{float:left;width:100%;padding:0 0 .4rem;font-weight:700}
legend+*{clear:both}
.failed{border-left:6px solid var(--r)}
#lost:empty,[hidden]{display:none!important}
.row{display:flex;align-items:center;gap:.7rem}
.row>:first-child{flex:1}
#time,small,summary,li{color:var(--s)}
label{display:block;margin:.7rem 0 .2rem}
summary{padding:.7rem 0}
.card>summary{margin:-.7rem 0}
input,select,button{font:inherit;min-height:3rem;border-radius:10px;border:1px solid var(--e);background:var(--c);color:var(--i);padding:0 .8rem}
input,select,#go{width:100%}
::placeholder{color:var(--s)}
button{color:var(--b);font-weight:600}
#go{border:0;background:var(--b);color:var(--c)}
.pick{display:flex;align-items:center;gap:.7rem;min-height:3rem;margin:0}
.pick input{width:1.3rem;min-height:1.3rem;margin:0;accent-color:var(--b)}
.pick b{flex:1;font-weight:400;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.pick i{width:23px;height:16px;clip-path:polygon(0 80%,100% 0,100% 100%,0 100%);-webkit-mask:repeating-linear-gradient(90deg,#000 0 5px,#0000 0 6px)}
#list{height:15.4rem;overflow:auto;margin:0 -3px;padding:3px}
.at,.no{font-weight:700}
.at:after{content:" ..."}
.ok:after{content:" \\2713"}
.no:after{content:" \\2717"}
</style>
<h1>AlertBox <span id=chip></span></h1>
<p class=row id=time><span id=clock></span><button id=more>More time</button>
<noscript><p class=card>This page needs JavaScript. Open 192.168.4.1 in another browser.</p></noscript>
<p class="card failed" id=lost role=status></p>
<section class=card id=say tabindex=-1 aria-live=polite hidden><h2></h2><p></p><ol><li>Wi-Fi<li>Address<li>Broker<li>Login</ol></section>
<form id=f method=post autocomplete=off autocapitalize=none autocorrect=off spellcheck=false hidden>
<fieldset><legend>Wi-Fi network</legend>
<div id=list></div>
<label class=pick><input type=radio name=n id=other value required><b>Other network...</b></label>
<div id=named><label for=ssid>Name</label><input id=ssid></div>
<p class=row><small id=note></small><button type=button id=scan>Scan again</button>
<div id=secret><label for=key>Wi-Fi password</label><input id=key type=password></div>
<label class=pick><input type=checkbox id=eye><b>Show passwords</b></label>
</fieldset>
<fieldset><legend>MQTT broker</legend>
<label for=host>Name or address</label><input id=host inputmode=url required placeholder=192.168.1.10>
<label for=port>Port</label><input id=port type=number min=1 max=65535 required>
<details><summary>User and password: <span id=auth></span></summary>
<label for=user>User</label><div class=row><input id=user><button type=button id=none>None</button></div>
<label for=password>Password</label><input id=password type=password>
</details></fieldset>
<details class=card><summary>Advanced</summary>
<label for=root>Topic root</label><input id=root>
<label for=mode>Power</label><select id=mode><option value=mains>Stays on (USB)<option value=battery>Sleeps (battery)</select>
<div id=wired><label for=wiring>Button on</label><select id=wiring><option value=rst>RST<option value=rst+gpio>RST and a GPIO</select></div>
<label for=convention>Smart home</label><select id=convention><option value=home-assistant>Home Assistant<option value=homie>Homie<option value=tasmota>Tasmota<option value=none>None</select>
</details>
<button id=go>Try and save</button>
</form>
<script>
const[head,text,steps]=say.children,
WHY={wifi:"Wi-Fi failed",address:"No address",name:"Broker not found",broker:"No answer from broker",login:"Login refused"}
let now,nets=[],drawn,pick,left=0,turn=0,busy=0,heard=Date.now(),phase,trying,done,told="idle",typed,search=5
function show(j,isTry){
if(!now){
now=j.now
chip.innerText=j.chip
for(const i in now)if(f[i])f[i].value=now[i]
wiring.selectedIndex=now.wiring=="rst+gpio"
pick=now.ssid
other.checked=pick
}
left=j.left
nets=j.networks
draw()
const k=j.phase+j.step+j.detail
if(k!=told||isTry)tell(j,told=k)
}
function draw(){
const k=JSON.stringify(nets)
if(k!=drawn&&nets[0]){
drawn=k
list.innerText=""
for(const n of nets){
const bars=n.rssi>-55?4:n.rssi>-65?3:n.rssi>-75?2:1
list.insertAdjacentHTML("beforeend",'<label class=pick><input type=radio name=n><b></b><svg width=9 height=14 fill=gray>'+(n.open?"":'<path d="M0 6h1V4a3 3 0 0 1 7 0v2h1v8H0zm3 0h3V4a1 1 0 0 0-3 0z"/>')+'</svg><i role=img aria-label="'+(n.open?"open":"secured")+", signal "+bars+' of 4" style="background:linear-gradient(90deg,var(--i) '+bars*25+'%,var(--e) 0)"></i>')
const[r,b]=list.lastChild.children
r.value=b.innerText=n.ssid
r.checked=n.ssid==pick
}
}
update()
}
function choice(){
const ssid=other.checked?f.ssid.value:pick,n=nets.find(n=>n.ssid==ssid)
return{ssid,same:ssid&&ssid==now.ssid,open:n&&n.open,keep:!typed&&now.auth&&host.value.trim()==now.host&&port.value==now.port}
}
function update(){
const c=choice(),u=c.keep?"unchanged":""
named.hidden=!(f.ssid.required=other.checked)
secret.hidden=c.open
key.placeholder=c.same?"unchanged":""
key.required=!other.checked&&!c.same&&!c.open
user.placeholder=password.placeholder=u
none.hidden=!u
auth.innerText=u||(user.value?"set":"none")
wired.hidden=mode.value=="mains"
}
function tell(j){
const was=phase,at={wifi:0,address:1,name:2,broker:2,login:3}[j.step]
phase=j.phase
trying=phase=="trying"
done=phase=="done"
say.className="card "+phase
head.innerText=trying?"Trying your settings":done?"Saved.":WHY[j.step]||"Not saved"
text.innerText=trying?"Your phone may lose the box briefly.":done?"The box is connected. You can close this page.":j.detail+" Nothing was saved: mend it and try again."
steps.hidden=at==null
for(let i=0;i<4;i++){
const l=steps.children[i]
l.className=i<at?"ok":i>at?"":trying?"at":"no"
l.ariaCurrent=i==at?"step":null
}
say.hidden=phase=="idle"
view()
if(!trying||was!=phase)say.focus()
}
function view(){
const away=!done&&Date.now()-heard>6e3,gone=away&&now&&left<1,box="AlertBox-"+chip.innerText,
why=gone?"Setup is closed. Hold the button for 5 s to open it again.":away?"No answer. Reconnect your phone to "+box+" if this stays. If "+box+" is gone, setup is over.":""
if(lost.innerText!=why)lost.innerText=why
f.hidden=!now||done||gone||trying
time.hidden=done||gone
clock.innerText=left>0?"closes in "+left+" s":""
note.innerText=search>0?"Searching...":nets.length+" found"
}
async function ask(path,body){
const n=++turn,c=new AbortController
setTimeout(()=>c.abort(),4e3)
busy++
try{
const r=await fetch(path,{method:body==null?"GET":"POST",body,signal:c.signal}),j=await r.json()
if(n==turn){
heard=Date.now()
j.problem?tell({phase:"failed",step:"form",detail:j.problem}):show(j,body)
}
}catch(e){
if(body&&n==turn)tell({phase:"failed",detail:"The box did not answer."})
}
busy--
view()
}
f.oninput=e=>{
const t=e.target
if(t.name=="n")pick=t.value
if(t==user||t==password)typed=1
if(t==eye)key.type=password.type=eye.checked?"text":"password"
update()
}
f.onsubmit=e=>{
e.preventDefault()
const c=choice(),b=new URLSearchParams({ssid:c.ssid,host:host.value,port:port.value,root:root.value,mode:mode.value,wiring:mode.value=="battery"?wiring.value:now.wiring=="rst+gpio"?now.wiring:"gpio",convention:convention.value})
if(c.open||!c.same||key.value)b.append("wifiPassword",c.open?"":key.value)
if(!c.keep){
b.append("user",user.value)
b.append("password",password.value)
}
ask("/try",b)
}
none.onclick=()=>update(typed=1)
more.onclick=()=>ask("/more","")
scan.onclick=()=>{
search=5
ask("/scan","")
}
setInterval(()=>{
left--
search--
if(!done&&!busy&&(trying||search>0||!(left%3)))ask("/status")
view()
},1e3)
ask("/status");
</script>
`;

function pieces(text: string): string[] {
  const result: string[] = [];
  for (let at = 0; at < text.length; at += 512) result.push(text.substring(at, at + 512));
  return result;
}

/**
 * The page: ASCII, at most 8,192 bytes. In pieces, which are made when the firmware is linked: to find the middle of a
 * long string the engine counts its characters from the beginning.
 */
export const PAGE: readonly string[] = Object.freeze(pieces(TEXT));
export const PAGE_LENGTH = TEXT.length;
