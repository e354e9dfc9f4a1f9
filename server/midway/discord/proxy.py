"""libcurl's way to Discord: straight, or through a proxy. The proxy itself stands in `outbound/proxy.py`."""

from curl_cffi import CurlOpt

from midway.outbound.proxy import Proxy, ProxyKind

__all__ = ["Proxy", "ProxyKind", "curl_options"]


def curl_options(proxy: Proxy | None) -> dict[CurlOpt, str | int]:
    """Tell libcurl the way, so that it does not look for one in HTTPS_PROXY, ALL_PROXY and NO_PROXY."""
    if proxy is None:
        return {CurlOpt.PROXY: "", CurlOpt.NOPROXY: ""}
    # User and password stand apart: libcurl's own errors would repeat an address that holds them.
    scheme = "socks5h" if proxy.kind is ProxyKind.SOCKS5 else "http"
    options: dict[CurlOpt, str | int] = {
        CurlOpt.PROXY: f"{scheme}://{proxy}",
        CurlOpt.NOPROXY: "",
        CurlOpt.HTTPPROXYTUNNEL: 1,
    }
    if proxy.user:
        options |= {CurlOpt.PROXYUSERNAME: proxy.user, CurlOpt.PROXYPASSWORD: proxy.password}
    return options
