using System.Security.Cryptography;

namespace MergeTasks.TestSupport.Servers;

/// <summary>
/// A cache that speaks the Bazel remote cache's HTTP protocol: what is put below /ac/ and /cas/ is there afterwards. Like those servers, it
/// takes only contents that have the SHA-256 they are named by. Written from bazel.build/remote/caching, not from the product.
/// </summary>
public sealed class LoopbackCache : IDisposable
{
    private readonly LoopbackServer _server;

    public LoopbackCache() => _server = new LoopbackServer(request =>
    {
        lock (Entries)
            return Fault(request) ?? Answer(request);
    });

    public string Address => _server.Address.ToString().TrimEnd('/');

    public IReadOnlyList<WebRequest> Requests => _server.Requests;

    /// <summary>What is there, by path.</summary>
    public SortedDictionary<string, byte[]> Entries { get; } = new(StringComparer.Ordinal);

    /// <summary>Answers instead of the cache, where it returns something.</summary>
    public Func<WebRequest, WebAnswer?> Fault { get; set; } = _ => null;

    public void Forget() => _server.Forget();

    public void Dispose() => _server.Dispose();

    private WebAnswer Answer(WebRequest request)
    {
        if (request.Path.Split('/') is not ["", "ac" or "cas", { Length: 64 } name])
            return WebAnswer.Text(400, "no entry");
        if (request.Method == "GET")
            return Entries.TryGetValue(request.Path, out var content) ? new WebAnswer(200, content) : WebAnswer.Text(404, "");
        if (request.Path.StartsWith("/cas/", StringComparison.Ordinal) && Convert.ToHexStringLower(SHA256.HashData(request.Body)) != name)
            return WebAnswer.Text(400, "another digest");
        Entries[request.Path] = request.Body;
        return new WebAnswer(200, []);
    }
}
