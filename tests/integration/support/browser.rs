//! A browser in front of an app: it keeps cookies, says where it comes from, and goes where it is
//! sent.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::header::{COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use keycard::dev;
use tower::ServiceExt;
use url::Url;

use super::internet::Internet;
use super::jar::Jar;

/// What came back, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    #[track_caller]
    pub fn location(&self) -> &str {
        self.header(LOCATION.as_str())
            .unwrap_or_else(|| panic!("no Location: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The Set-Cookie lines.
    pub fn cookies(&self) -> Vec<String> {
        let lines = self.headers.get_all(SET_COOKIE).iter();
        lines
            .map(|line| line.to_str().unwrap().to_owned())
            .collect()
    }

    /// Where the browser is sent on to, by a redirect or by the page itself.
    fn leads_to(&self) -> Option<String> {
        if self.status.is_redirection() {
            return Some(self.location().to_owned());
        }
        self.refresh()
    }

    /// Where the page goes on to by itself.
    pub fn refresh(&self) -> Option<String> {
        let (_, rest) = self.body.split_once("content=\"0; url=")?;
        Some(rest.split_once('"').unwrap().0.to_owned())
    }

    /// The form that the page sends by itself: where to, and what.
    pub fn posts(&self) -> Option<(String, String)> {
        let plain = |text: &str| text.replace("&quot;", "\"").replace("&amp;", "&");
        let (_, after) = self.body.split_once("<form method=\"post\" action=\"")?;
        let (to, rest) = after.split_once('"')?;
        let fields = rest.split("<input type=\"hidden\" name=\"").skip(1);
        let pairs = fields.map(|field| {
            let (name, rest) = field.split_once("\" value=\"").unwrap();
            (name.to_owned(), plain(rest.split_once('"').unwrap().0))
        });
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        Some((plain(to), form.extend_pairs(pairs).finish()))
    }

    /// The code on an error page or in problem details.
    pub fn code(&self) -> Option<String> {
        if let Ok(problem) = serde_json::from_str::<serde_json::Value>(&self.body) {
            return problem["code"].as_str().map(str::to_owned);
        }
        let (_, after) = self.body.split_once("<dt>Code</dt>")?;
        let (code, _) = after.split_once("<code>")?.1.split_once("</code>")?;
        Some(code.to_owned())
    }
}

/// One browser, with one jar of cookies.
#[derive(Clone, Debug)]
pub struct Browser {
    app: Router,
    pub origin: Url,
    pub jar: Jar,
    /// What a proxy between the browser and the app takes off the front of every path.
    pub proxy_strips: String,
    /// The hosts that there are besides the app's.
    internet: Option<Internet>,
}

impl Browser {
    pub fn new(app: &Router, origin: &str) -> Self {
        Self {
            app: app.clone(),
            origin: origin.parse().unwrap(),
            jar: Jar::default(),
            proxy_strips: String::new(),
            internet: None,
        }
    }

    /// The same browser in this internet.
    pub fn on(self, internet: &Internet) -> Self {
        Self {
            internet: Some(internet.clone()),
            ..self
        }
    }

    /// Somebody types the address, or follows a bookmark.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(
            self.navigation(Method::GET, path, "none")
                .body(Body::empty())
                .unwrap(),
        )
        .await
    }

    /// Somebody follows a link of another site.
    pub async fn get_from_elsewhere(&mut self, path: &str) -> Answer {
        let request = self.navigation(Method::GET, path, "cross-site");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Somebody sends a form of the app's own.
    pub async fn post(&mut self, path: &str, form: &str) -> Answer {
        let request = self
            .navigation(Method::POST, path, "same-origin")
            .header(ORIGIN, self.origin.origin().ascii_serialization())
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).unwrap())
            .await
    }

    /// A page of another site posts a form to here: only cookies that go anywhere come along. That
    /// the browser keeps what it is answered, whatever its SameSite, is because it goes there itself.
    pub async fn post_from_elsewhere(&mut self, path: &str, form: &str) -> Answer {
        let request = self
            .navigation(Method::POST, path, "cross-site")
            .header(ORIGIN, "https://id.example.com")
            .header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(Body::from(form.to_owned())).unwrap();
        self.send_from_elsewhere(request).await
    }

    /// Any POST of another site.
    pub async fn send_from_elsewhere(&mut self, mut request: Request<Body>) -> Answer {
        let cookies = self.jar.header_from_elsewhere(request.uri().path());
        // One of somebody else's, since without any all would be added.
        let cookies = cookies.unwrap_or_else(|| "theme=dark".to_owned());
        request
            .headers_mut()
            .insert(COOKIE, cookies.parse().unwrap());
        self.send(request).await
    }

    /// Posts the answer in the query of this address as a provider's page does, and goes on as long
    /// as that leads on.
    pub async fn post_back(&mut self, callback: &str) -> Answer {
        let callback = relative(callback);
        let (path, form) = callback.split_once('?').unwrap();
        let mut answer = self.post_from_elsewhere(path, form).await;
        while let Some(next) = answer.leads_to().filter(|next| next.contains('?')) {
            answer = self.get_from_elsewhere(&next).await;
        }
        answer
    }

    /// A request of a person who goes somewhere, to be completed.
    pub fn navigation(&self, method: Method, path: &str, site: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
            .header("sec-fetch-site", site)
    }

    /// A request with these headers and no others, but for the browser's cookies and host.
    pub async fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Any request, with the browser's cookies and host where it names none of its own.
    pub async fn send(&mut self, mut request: Request<Body>) -> Answer {
        let path = request.uri().path().to_owned();
        if let Some(cookies) = self.jar.header(&path)
            && !request.headers().contains_key(COOKIE)
        {
            request
                .headers_mut()
                .insert(COOKIE, cookies.parse().unwrap());
        }
        if !request.headers().contains_key(HOST) {
            let host = self.origin[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
            request.headers_mut().insert(HOST, host.parse().unwrap());
        }
        if !self.proxy_strips.is_empty() {
            let uri = request.uri().to_string();
            let stripped = uri.strip_prefix(&self.proxy_strips).unwrap();
            *request.uri_mut() = stripped.parse().unwrap();
        }
        let answer = Answer::read(self.app.clone().oneshot(request).await.unwrap()).await;
        for line in answer.cookies() {
            self.jar.take_in(&line, self.origin.scheme() == "https");
        }
        answer
    }

    /// Begins a login and returns the address at the provider.
    pub async fn begin(&mut self, provider: &dev::Provider) -> String {
        let answer = self
            .get(&format!("/auth/login?provider={}", provider.name()))
            .await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        answer.location().to_owned()
    }

    /// Begins a login, presses a person's button at the provider, and returns the way back.
    pub async fn way_back(&mut self, provider: &dev::Provider, subject: &str) -> String {
        let authorization_url = self.begin(provider).await;
        relative(&provider.authorize(&authorization_url, subject).unwrap())
    }

    /// Logs in, to the end.
    pub async fn log_in(&mut self, provider: &dev::Provider, subject: &str) -> Answer {
        let callback = self.way_back(provider, subject).await;
        self.follow(&callback).await
    }

    /// Goes to a path of the app, and then wherever that leads, over other hosts and back, to the page
    /// at the end.
    pub async fn travel(&mut self, path: &str) -> Answer {
        let mut url = self.origin.join(path).unwrap();
        let mut answer = self.get(path).await;
        for _ in 0..10 {
            if url.origin() != self.origin.origin()
                && let Some((to, form)) = answer.posts()
            {
                url = to.parse().unwrap();
                answer = self.post_from_elsewhere(&relative(&to), &form).await;
                continue;
            }
            let Some(next) = answer.leads_to() else {
                return answer;
            };
            url = url.join(&next).unwrap();
            answer = if url.origin() == self.origin.origin() {
                self.get_from_elsewhere(&relative(url.as_str())).await
            } else {
                let internet = self.internet.as_ref();
                let internet = internet.unwrap_or_else(|| panic!("no internet to reach {url} on"));
                internet.visit(&url).await
            };
        }
        panic!("it goes on and on: {answer:?}")
    }

    /// Comes back from the provider, with the second step of a large identity where there is one.
    pub async fn follow(&mut self, callback: &str) -> Answer {
        let answer = self.get_from_elsewhere(callback).await;
        match answer.refresh() {
            Some(url) => self.get(&url).await,
            None => answer,
        }
    }
}

/// Path and query of a URL, or of what is only these.
pub fn relative(url: &str) -> String {
    if url.starts_with('/') {
        return url.to_owned();
    }
    let url: Url = url.parse().unwrap();
    url[url::Position::BeforePath..].to_owned()
}
