// The code in what was typed or pasted, by the rule of identifier/code.go, with the same expressions. A
// message without one stays for the server to refuse.
const code = document.getElementById("verification_code");
const label =
  /((?:post|postal|zip|bar|qr|promo|coupon|gift|error|area|country|order|booking|tracking|item) ?code|[号號编編条條维維形][码碼]|邮编|[订訂]单|訂單|[单單尾][号號]|番号|번호|رقم|\b(?:order|ref|reference|invoice|account|card|case|ticket|ending|number|no|tel|phone|call)\b)|(?:[证證証認认]|確認|인증|확인|verification|security|confirmation) ?(?:番号|号码|號碼|번호|number)|[码碼]|code|コード|코드|\b(?:otp|pin)\b|password|رمز|كود/giu;
const clause = /^[^,;、。.!?([【]{0,30}[([【「『<《"“' ]*$/u;
const says = (before) => {
  const last = [...before.matchAll(label)].pop();
  return last && clause.test(before.slice(last.index + last[0].length)) ? (last[1] ? 2 : 1) : 0;
};
const find = (s) => {
  let first = "";
  let end = 0;
  for (const { 0: number, index } of s.matchAll(/[0-9]+(?:[ -]+[0-9]+)*/g)) {
    const said = says(s.slice(end, index));
    end = index + number.length;
    const found =
      /(?:^| )([0-9]{6})(?: |$)/.exec(number) ||
      /^([0-9]{3}[ -][0-9]{3})(?: [0-9]{1,2})?$/.exec(number) ||
      /^([0-9]{2} [0-9]{2} [0-9]{2}|(?:[0-9][ -]){5}[0-9])$/.exec(number);
    if (!found) continue;
    const from = index + found.index + found[0].indexOf(found[1]);
    const digits = found[1].replace(/\D/g, "");
    if (said === 1) return digits;
    const alone =
      !/(?:[a-z+/¥$€£₩]|[0-9][.:])$/i.test(s.slice(0, from)) &&
      !/^(?:[a-z元円원%€]|[.:/][0-9])/i.test(s.slice(from + found[1].length));
    if (!said && alone) first = first || digits;
  }
  return first;
};
code.addEventListener("input", (e) => {
  if (e.isComposing) return;
  const plain = code.value
    .normalize("NFKC")
    .replace(/\p{Cf}/gu, "")
    .replace(/[٠-٩۰-۹]/g, (digit) => digit.charCodeAt() & 15)
    .replace(/\s/g, " ")
    .replace(/[\p{Pd}\u2212]/gu, "-");
  const digits = plain.replace(/\D/g, "");
  const other = plain.replace(/[0-9 -]/g, "").length;
  // What is no digit is typed by mistake, one at a time.
  const typed = /^insertFrom/.test(e.inputType) ? !other && digits.length < 7 : other < 2;
  const text = find(plain) || (typed ? digits.slice(0, 6) : code.value);
  if (text !== code.value) code.value = text;
});
