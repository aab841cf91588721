using MergeTasks.Files;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources.Hub;

/// <summary>The user's settings for the Hub, from the environment variables that Hugging Face's own tools read.</summary>
/// <param name="Endpoint">The server; <c>HF_ENDPOINT</c>.</param>
/// <param name="CacheFolder">The cache that these tools share; <c>HF_HUB_CACHE</c>, or <c>hub</c> below <c>HF_HOME</c>.</param>
/// <param name="IsOffline">Whether the user forbids the network to all such tools; <c>HF_HUB_OFFLINE</c>.</param>
internal sealed record HubSettings(Uri Endpoint, string CacheFolder, bool IsOffline)
{
    private const string DefaultEndpoint = "https://huggingface.co";

    /// <summary>
    /// What proves who the user is: <c>HF_TOKEN</c>, else the file that <c>hf auth login</c> writes. Never part of a text.
    /// </summary>
    internal string? Token { get; init; }

    /// <exception cref="SourceException">A variable has a value that cannot be used.</exception>
    public static HubSettings From(Func<string, string?> environment)
    {
        var endpoint = Value("HF_ENDPOINT") ?? DefaultEndpoint;
        if (!Uri.TryCreate(endpoint.TrimEnd('/') + "/", UriKind.Absolute, out var uri)
            || uri.Scheme is not ("http" or "https")
            || uri.UserInfo.Length > 0)
            throw new SourceException(
                SourceError.BadReference, "The environment variable HF_ENDPOINT is not an address such as https://huggingface.co.");
        var home = Folder("HF_HOME")
            ?? Path.Combine(Folder("XDG_CACHE_HOME") ?? Path.Combine(UserFolder(environment), ".cache"), "huggingface");
        var cache = Folder("HF_HUB_CACHE") ?? Folder("HUGGINGFACE_HUB_CACHE") ?? Path.Combine(home, "hub");
        var offline = Value("HF_HUB_OFFLINE")?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE";
        var token = Value("HF_TOKEN") ?? TokenIn(Folder("HF_TOKEN_PATH") ?? Path.Combine(home, "token"));
        if (token?.Any(c => c is <= ' ' or > '~') == true)
            throw new SourceException(
                SourceError.Unauthorized,
                "The Hub's token (HF_TOKEN, or the file that 'hf auth login' writes) holds characters that no token has.");
        return new HubSettings(uri, Path.GetFullPath(cache), offline) { Token = token };

        string? Value(string name) => environment(name)?.Trim() is { Length: > 0 } value ? value : null;

        string? Folder(string name) =>
            Value(name) is not { } path ? null
                : path == "~" || path.StartsWith("~/", StringComparison.Ordinal) ? UserFolder(environment) + path[1..]
                : path;
    }

    private static string UserFolder(Func<string, string?> environment) =>
        environment("HOME") is { Length: > 0 } home ? home : System.Environment.GetFolderPath(System.Environment.SpecialFolder.UserProfile);

    private static string? TokenIn(string path)
    {
        try
        {
            return File.Exists(path) && InputFile.ReadText(path, InputFile.LongestWritten).Trim() is { Length: > 0 } token ? token : null;
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            return null;
        }
    }
}
