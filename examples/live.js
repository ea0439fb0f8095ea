// Shows what comes over both connections, and says when the server ends them with the login.
const show = (id, text) => {
  document.getElementById(id).textContent = text;
};

const socket = new WebSocket(location.origin.replace(/^http/, 'ws') + '/clock');
socket.onmessage = ({ data }) => show('clock', data);
socket.onclose = ({ code, reason }) => {
  show('state', code === 1008 ? `No more time for you: ${reason}.` : 'The clock has stopped.');
  document.getElementById('again').hidden = false;
  document.querySelector('form').hidden = true;
};

const events = new EventSource('/since');
events.onmessage = ({ data }) => show('since', data);
events.addEventListener('ended', ({ data }) => {
  events.close(); // By itself it would ask again and again.
  show('since', `No more events for you: ${data}.`);
});
