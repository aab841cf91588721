using System.Text;
using System.Text.Json;

namespace MergeTasks.TestSupport.Servers;

/// <summary>A NuGet v3 feed: service index, and packages by their addresses (learn.microsoft.com/nuget/api).</summary>
public sealed class LoopbackFeed : IDisposable
{
    private readonly LoopbackServer _server;
    private readonly Dictionary<string, SortedDictionary<string, byte[]>> _packages = new(StringComparer.OrdinalIgnoreCase);

    public LoopbackFeed() => _server = new LoopbackServer(Answer);

    public string Index => $"{_server.Address}v3/index.json";

    public IReadOnlyList<WebRequest> Requests => _server.Requests;

    /// <summary>User and password that the feed asks for.</summary>
    public (string User, string Password)? Login { get; set; }

    /// <summary>Answers instead of the feed, where it returns something.</summary>
    public Func<WebRequest, WebAnswer?> Fault { get; set; } = _ => null;

    public void Push(string id, string version, byte[] package)
    {
        if (!_packages.TryGetValue(id, out var versions))
            _packages[id] = versions = new(StringComparer.OrdinalIgnoreCase);
        versions[version] = package;
    }

    /// <summary>The feed as an entry of a NuGet configuration.</summary>
    public string Source(string name) => $"""<add key="{name}" value="{Index}" protocolVersion="3" allowInsecureConnections="true" />""";

    public void Forget() => _server.Forget();

    public void Dispose() => _server.Dispose();

    private WebAnswer Answer(WebRequest request)
    {
        if (Fault(request) is { } fault)
            return fault;
        if (Login is var (user, password)
            && request["Authorization"] != "Basic " + Convert.ToBase64String(Encoding.ASCII.GetBytes($"{user}:{password}")))
            return new WebAnswer(401, [], ("WWW-Authenticate", "Basic realm=\"feed\""));
        var parts = request.Path.Trim('/').Split('/');
        if (request.Path == "/v3/index.json")
            return Json(
                new
                {
                    version = "3.0.0",
                    resources = new[]
                {
                    new Dictionary<string, string> { ["@id"] = $"{_server.Address}flat/", ["@type"] = "PackageBaseAddress/3.0.0" }
                }
                });
        if (parts is not ["flat", var id, ..] || !_packages.TryGetValue(id, out var versions))
            return WebAnswer.Text(404, "");
        return parts switch
        {
            [_, _, "index.json"] => Json(new { versions = versions.Keys }),
            [_, _, var version, _] when versions.TryGetValue(version, out var package) =>
                new WebAnswer(200, package, ("Content-Type", "application/octet-stream")),
            _ => WebAnswer.Text(404, ""),
        };
    }

    private static WebAnswer Json(object content) =>
        WebAnswer.Text(200, JsonSerializer.Serialize(content), ("Content-Type", "application/json"));
}
