// Goes on to the page without the token in its address, and keeps the rest, the # included. As
// this page begins that visit itself, the browser sends the cookie with it.
const query = new URLSearchParams(location.search);
query.delete("token");
const rest = query.toString();
location.replace(location.pathname + (rest && `?${rest}`) + location.hash);
