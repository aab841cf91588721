using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace MergeTasks.TestSupport.Servers;

/// <summary>
/// Speaks the routes of the Hugging Face Hub: a model's revision, its tree, and its files, the large ones by redirection to a second server
/// as the Hub's storage is one. Written from huggingface.co's public answers, not from the product.
/// </summary>
public sealed partial class LoopbackHub : IDisposable
{
    private readonly LoopbackServer _api;
    private readonly LoopbackServer _storage;
    private readonly Dictionary<string, Dictionary<string, SortedDictionary<string, byte[]>>> _commits = [];
    private readonly Dictionary<string, Dictionary<string, string>> _refs = [];
    private readonly Dictionary<string, string> _tokens = [];

    public LoopbackHub()
    {
        _api = new LoopbackServer(Answer);
        _storage = new LoopbackServer(Store);
    }

    public string Endpoint => _api.Address.ToString().TrimEnd('/');

    /// <summary>What was asked of the Hub itself.</summary>
    public IReadOnlyList<WebRequest> Requests => _api.Requests;

    /// <summary>What was asked of its storage.</summary>
    public IReadOnlyList<WebRequest> Downloads => _storage.Requests;

    /// <summary>Answers instead of the Hub, where it returns something.</summary>
    public Func<WebRequest, WebAnswer?> Fault { get; set; } = _ => null;

    /// <summary>Replaces what the storage answers.</summary>
    public Func<WebRequest, WebAnswer, WebAnswer> StorageFault { get; set; } = (_, answer) => answer;

    /// <summary>Files on one page of a listing.</summary>
    public int PageSize { get; set; } = 1000;

    /// <summary>Puts a new commit on a branch.</summary>
    /// <returns>The commit.</returns>
    public string Push(string repository, string branch, IEnumerable<(string Name, byte[] Content)> files)
    {
        var content = new SortedDictionary<string, byte[]>(
            files.ToDictionary(file => file.Name, file => file.Content), StringComparer.Ordinal);
        var commit = Sha1([.. content.SelectMany(file => Encoding.UTF8.GetBytes(file.Key).Concat(SHA256.HashData(file.Value)))]);
        if (!_commits.TryGetValue(repository, out var commits))
            (_commits[repository], _refs[repository]) = (commits = [], []);
        commits[commit] = content;
        _refs[repository][branch] = commit;
        return commit;
    }

    /// <summary>Puts a folder's files on a branch.</summary>
    public string PushFolder(string repository, string branch, string folder) =>
        Push(repository, branch, Directory.GetFiles(folder).Select(path => (Path.GetFileName(path), File.ReadAllBytes(path))));

    /// <summary>Lets only the owner of a token see a repository.</summary>
    public void Protect(string repository, string token) => _tokens[repository] = token;

#pragma warning disable CA5350 // Git's choice.
    public static string Sha1(byte[] bytes) => Convert.ToHexStringLower(SHA1.HashData(bytes));
#pragma warning restore CA5350

    public static string Sha256(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>Git's name of a file.</summary>
    public static string GitName(byte[] bytes) => Sha1([.. Encoding.ASCII.GetBytes($"blob {bytes.Length}\0"), .. bytes]);

    public void Forget()
    {
        _api.Forget();
        _storage.Forget();
    }

    public void Dispose()
    {
        _api.Dispose();
        _storage.Dispose();
    }

    private static bool IsLarge(string name) =>
        name.EndsWith(".safetensors", StringComparison.Ordinal) || name.EndsWith(".bin", StringComparison.Ordinal);

    private WebAnswer Answer(WebRequest request)
    {
        if (Fault(request) is { } fault)
            return fault;
        var match = Route().Match(request.Path);
        if (!match.Success)
            return Refusal(404, "", "Not Found");
        var (repository, revision) = (match.Groups["repo"].Value, match.Groups["rev"].Value);
        if (!_commits.TryGetValue(repository, out var commits))
            return Refusal(request["Authorization"] is null ? 401 : 404, "RepoNotFound", "Repository not found");
        if (_tokens.TryGetValue(repository, out var token) && request["Authorization"] != $"Bearer {token}")
            return Refusal(request["Authorization"] is null ? 401 : 403, "GatedRepo", $"Access to model {repository} is restricted.");
        var folder = "";
        if (match.Groups["kind"].Value == "tree" && !_refs[repository].ContainsKey(revision) && revision.Split('/') is [var first, var below])
            (revision, folder) = (first, Uri.UnescapeDataString(below) + "/");
        var commit = _refs[repository].GetValueOrDefault(revision, revision);
        if (!commits.TryGetValue(commit, out var files))
            return Refusal(404, "RevisionNotFound", $"Invalid rev id: {revision}");
        return match.Groups["kind"].Value switch
        {
            "revision" =>
                WebAnswer.Text(
                    200,
                    JsonSerializer.Serialize(
                        new { id = repository, sha = commit, siblings = files.Keys.Select(name => new { rfilename = name }) })),
            "tree" => Tree(request, repository, commit, files, folder),
            _ => Resolve(request, commit, files, match.Groups["file"].Value),
        };
    }

    private WebAnswer Tree(
        WebRequest request, string repository, string commit, SortedDictionary<string, byte[]> all, string folder)
    {
        var files = all.Where(file =>
            file.Key.StartsWith(folder, StringComparison.Ordinal) && !file.Key[folder.Length..].Contains('/', StringComparison.Ordinal))
            .ToList();
        var folders = folder.Length > 0 ? []
            : all.Keys.Where(name => name.Contains('/', StringComparison.Ordinal)).Select(name => name.Split('/')[0]).Append("onnx").Distinct();
        var start = request.Query.StartsWith("cursor=", StringComparison.Ordinal)
            ? int.Parse(request.Query[7..], CultureInfo.InvariantCulture)
            : 0;
        var entries = files.Skip(start).Take(PageSize).Select(file => (object)(IsLarge(file.Key)
            ? new
            {
                type = "file",
                oid = Sha1(
                file.Value),
                size = file.Value.Length,
                path = file.Key,
                lfs = new
                {
                    oid = Sha256(
                    file.Value),
                    size = file.Value.Length,
                    pointerSize = 134
                }
            }
            : new { type = "file", oid = GitName(file.Value), size = file.Value.Length, path = file.Key }));
        var json = JsonSerializer.Serialize(
            entries.Concat(folders.Select(path => (object)new { type = "directory", oid = Sha1([1]), size = 0, path })));
        return start + PageSize < files.Count
            ? WebAnswer.Text(
                200, json, ("Link", $"<{Endpoint}/api/models/{repository}/tree/{commit}?cursor={start + PageSize}>; rel=\"next\""))
            : WebAnswer.Text(200, json);
    }

    private WebAnswer Resolve(WebRequest request, string commit, SortedDictionary<string, byte[]> files, string name)
    {
        if (!files.TryGetValue(name, out var content))
            return Refusal(404, "EntryNotFound", "Entry not found");
        if (!IsLarge(name))
            return Content(request, content, ("X-Repo-Commit", commit), ("ETag", $"\"{GitName(content)}\""));
        return new WebAnswer(
            302, [], ("Location", $"{_storage.Address}{Sha256(content)}?X-Amz-Signature=signed-secret"), ("X-Repo-Commit", commit),
            ("X-Linked-Etag", $"\"{Sha256(content)}\""), ("X-Linked-Size", $"{content.Length}"));
    }

    private WebAnswer Store(WebRequest request)
    {
        var content = _commits.Values
            .SelectMany(commits => commits.Values)
            .SelectMany(files => files.Values)
            .FirstOrDefault(bytes => Sha256(bytes) == request.Path.Trim('/'));
        return StorageFault(request, content is null ? WebAnswer.Text(404, "") : Content(request, content, ("ETag", "\"storage\"")));
    }

    private static WebAnswer Content(WebRequest request, byte[] content, params (string, string)[] headers)
    {
        if (request["Range"] is not { } range)
            return new WebAnswer(200, content, headers);
        var from = int.Parse(range["bytes=".Length..^1], CultureInfo.InvariantCulture);
        return from >= content.Length ? new WebAnswer(416, [])
            : new WebAnswer(206, content[from..], [.. headers, ("Content-Range", $"bytes {from}-{content.Length - 1}/{content.Length}")]);
    }

    private static WebAnswer Refusal(int status, string code, string message) =>
        WebAnswer.Text(status, JsonSerializer.Serialize(new { error = message }), ("X-Error-Code", code), ("X-Error-Message", message));

    [GeneratedRegex(
        @"^/(api/models/(?<repo>[^/]+(/[^/]+)?)/(?<kind>revision|tree)/(?<rev>.+)|(?<repo>[^/]+(/[^/]+)?)/(?<kind>resolve)/(?<rev>[^/]+)/(?<file>.+))$")]
    private static partial Regex Route();
}
