// Goes on to the page without the token in its address, and keeps the rest, the # included. As
// this page begins that visit itself, the browser sends the cookie with it. Where there is no token
// in the address, an empty one makes it another: the browser would not ask for the same again.
const query = new URLSearchParams(location.search);
if (query.has("token")) query.delete("token");
else query.set("token", "");
const rest = query.toString();
location.replace(location.pathname + (rest && `?${rest}`) + location.hash);
