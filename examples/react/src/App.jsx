import { useEffect, useState } from "react";
import { portal, signIn, signOut, user } from "./login.js";

// App has one page that everybody may see, and orders for who is signed in.
export function App() {
  return location.pathname === "/" ? <Home /> : <Guard>{(person) => <Order person={person} />}</Guard>;
}

function Home() {
  return (
    <main data-page="home">
      <h1>Orders</h1>
      <p>Everybody may see this page. An order is for who is signed in:</p>
      <p>
        <a href="/orders/7?tab=items#total">Order 7</a>
      </p>
    </main>
  );
}

// Guard shows its children to who is signed in, and has everybody else sign in first.
function Guard({ children }) {
  const [state, setState] = useState({});
  useEffect(() => {
    let shown = true; // by this very element; React may make two
    user().then(
      (person) => shown && (person ? setState({ person }) : signIn()),
      (error) => shown && setState({ error }),
    );
    return () => (shown = false);
  }, []);
  if (state.error) return <main role="alert">The login could not be checked. Reload the page to try again.</main>;
  return state.person ? children(state.person) : <main aria-busy="true">…</main>;
}

function Order({ person }) {
  const leave = async () => {
    await signOut();
    location.assign("/");
  };
  return (
    <main data-page="order">
      <h1>Order {location.pathname.split("/").pop()}</h1>
      <p>
        Signed in as <strong id="user">{person.user_metadata?.username || person.email || person.phone || person.id}</strong>
      </p>
      <nav>
        <a id="account" href={portal("")}>Account</a>
        <a id="profile" href={portal("/profile")}>Profile</a>
        <a id="password" href={portal("/password")}>Password</a>
        <button id="sign-out" onClick={leave}>Sign out</button>
      </nav>
    </main>
  );
}
