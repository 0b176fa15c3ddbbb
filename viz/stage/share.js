// The share button: it copies the page's address as it is now, with the step the stage is at.
// Python cannot: Streamlit tells it the address of the last run, not of this moment.

const SHOWN = 2500; // milliseconds the answer stays on the button

export default function ({ data, parentElement }) {
  // Screen readers and hyphenation go by the language of the document; Streamlit always says "en".
  document.documentElement.lang = data.language;
  const button = parentElement.querySelector("button");
  const field = parentElement.querySelector("input");
  const rest = () => (button.textContent = `⤴ ${data.share}`);
  rest();
  button.title = data.help;
  field.setAttribute("aria-label", data.address);
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(window.location.href);
      button.textContent = `✓ ${data.copied}`;
      setTimeout(rest, SHOWN);
    } catch {
      // Browsers give the clipboard to secure pages only; a person can still copy it by hand.
      field.hidden = !field.hidden;
      field.value = window.location.href;
      field.select();
    }
  };
}
