using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Sources.Contract;
using MergeTasks.Sources.References;
using Polly;
using Polly.Retry;

namespace MergeTasks.Sources.Hub;

/// <summary>
/// Speaks the Hub's protocol: follows redirections (the token never leaves the server it is for), tries again where that may help, and
/// turns refusals into faults that say what to do.
/// </summary>
internal sealed class HubClient : IDisposable
{
    private const int MaxJsonLength = 32 << 20;
    private const int MaxRedirects = 10;
    private const int MaxFolders = 20;
    private const int MaxPages = 100;
    private const int MaxFiles = 20_000;
    private const int RetryAttempts = 4;
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(30);

    private readonly HubSettings _settings;
    private readonly HttpClient _http;
    private readonly TimeSpan _idleTimeout;

    public HubClient(HubSettings settings, RestoreOptions options, RestoreProgress progress)
    {
        _settings = settings;
        _idleTimeout = options.IdleTimeout;
        _http = new HttpClient(
            new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                AutomaticDecompression = DecompressionMethods.None,
                MaxConnectionsPerServer = 16
            })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.UserAgent.Add(
            new ProductInfoHeaderValue("MergeTasks", typeof(HubClient).Assembly.GetName().Version!.ToString(3)));
        Retries = new ResiliencePipelineBuilder().AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<SourceException>(fault => fault.IsTransient),
            MaxRetryAttempts = RetryAttempts,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = options.RetryDelay,
            MaxDelay = LongestDelay,
            DelayGenerator = attempt => ValueTask.FromResult((attempt.Outcome.Exception as SourceException)?.RetryAfter),
            OnRetry = attempt =>
            {
                progress.Note($"{attempt.Outcome.Exception!.Message} Trying again in {attempt.RetryDelay.TotalSeconds:0.0} s.");
                return default;
            },
        }).Build();
    }

    /// <summary>Tries again where that may help, with growing waits.</summary>
    public ResiliencePipeline Retries { get; }

    /// <summary>The commit of a branch, tag or commit.</summary>
    public async Task<string> CommitAsync(HubReference reference, CancellationToken cancellation)
    {
        var request = new HubRequest(_settings.Endpoint, reference.Repository, reference.Revision, null);
        var (json, _) = await JsonAsync(
            new Uri(_settings.Endpoint, $"api/models/{reference.Repository}/revision/{Uri.EscapeDataString(reference.Revision)}"),
            request,
            cancellation);
        using (json)
        {
            return json.RootElement.ValueKind == JsonValueKind.Object
                && json.RootElement.TryGetProperty("sha", out var sha)
                && sha.ValueKind == JsonValueKind.String
                && sha.GetString() is { } commit && SafeName.IsCommit(commit)
                ? commit
                    : throw new SourceException(
                        SourceError.Corrupt,
                        $"The server's answer does not say which commit '{reference.Revision}' of '{reference.Repository}' is.");
        }
    }

    /// <summary>
    /// The files at a commit that may be a model's: those beside each other, and those of folders that loaders look into.
    /// </summary>
    public async Task<IReadOnlyList<HubFile>> FilesAsync(string repository, string commit, CancellationToken cancellation)
    {
        var request = new HubRequest(_settings.Endpoint, repository, commit, null);
        var files = new List<HubFile>();
        var folders = new Queue<string>([""]);
        for (var (pages, seen) = (0, 0); folders.TryDequeue(out var folder);)
        {
            var page = new Uri(
                _settings.Endpoint,
                $"api/models/{repository}/tree/{commit}{(folder.Length == 0 ? "" : "/" + Uri.EscapeDataString(folder))}");
            for (; page is not null; pages++)
            {
                var (json, next) = await JsonAsync(page, request, cancellation);
                using (json)
                {
                    files.AddRange(HubFile.Read(json.RootElement, repository).Where(file => FolderOf(file.Name) == folder));
                    if (folder.Length == 0)
                    {
                        foreach (var below in HubFile.Folders(json.RootElement).Take(MaxFolders - seen))
                        {
                            folders.Enqueue(below);
                            seen++;
                        }
                    }
                }

                if (pages >= MaxPages || files.Count > MaxFiles)
                    throw new SourceException(
                        SourceError.Unsafe,
                        $"The server's listing of '{repository}' has no end: more than {MaxFiles} files or {MaxPages} pages.");
                page = next;
            }
        }

        return files;

        static string FolderOf(string name) => name[..Math.Max(0, name.IndexOf('/', StringComparison.Ordinal))];
    }

    /// <summary>The names of the shards in a repository's index.</summary>
    public Task<byte[]> SmallFileAsync(string repository, string commit, string name, CancellationToken cancellation) =>
        Retries.ExecuteAsync(async token =>
        {
            var request = new HubRequest(_settings.Endpoint, repository, commit, name);
            using var response = await SendAsync(request, FileAddress(request), null, token);
            return response.StatusCode == HttpStatusCode.OK ? await ReadAsync(response, request, token) : throw Fault(response, request);
        }, cancellation).AsTask();

    /// <summary>Asks for a file; one attempt.</summary>
    /// <param name="request">The file.</param>
    /// <param name="from">First byte.</param>
    /// <param name="cancellation">Ends waiting.</param>
    /// <returns>An answer whose body is still to come; 200, 206 or 416.</returns>
    public async Task<HttpResponseMessage> FileAsync(HubRequest request, long from, CancellationToken cancellation)
    {
        var response = await SendAsync(request, FileAddress(request), from > 0 ? new RangeHeaderValue(from, null) : null, cancellation);
        if (response.StatusCode is HttpStatusCode.OK or HttpStatusCode.PartialContent or HttpStatusCode.RequestedRangeNotSatisfiable)
            return response;
        using (response)
            throw Fault(response, request);
    }

    /// <summary>
    /// Reads the next bytes of a body; a connection that breaks or falls silent is a fault that another attempt may mend.
    /// </summary>
    public async Task<int> ReadAsync(Stream body, Memory<byte> buffer, HubRequest request, CancellationToken cancellation)
    {
        using var idle = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        idle.CancelAfter(_idleTimeout);
        try
        {
            return await body.ReadAsync(buffer, idle.Token);
        }
        catch (Exception e) when (IsLost(e, cancellation))
        {
            throw Lost(request, e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private static Uri FileAddress(HubRequest request) =>
        new(request.Endpoint, $"{request.Repository}/resolve/{request.Revision}/{Uri.EscapeDataString(request.File!)}");

    private async Task<(JsonDocument Json, Uri? Next)> JsonAsync(Uri address, HubRequest request, CancellationToken cancellation) =>
        await Retries.ExecuteAsync(async token =>
        {
            using var response = await SendAsync(request, address, null, token);
            if (response.StatusCode != HttpStatusCode.OK)
                throw Fault(response, request);
            try
            {
                return (StrictJson.Parse(await ReadAsync(response, request, token), request.Repository), NextPage(response));
            }
            catch (FileFault e)
            {
                throw new SourceException(
                    SourceError.Corrupt,
                    $"The server's answer for '{request.Repository}' cannot be understood: it {e.Reason}. Is HF_ENDPOINT the address of "
                        + "a Hub?",
                    e);
            }
        }, cancellation);

    // The server's own listing says where it goes on; another server is nobody's business.
    private Uri? NextPage(HttpResponseMessage response)
    {
        if (!response.Headers.TryGetValues("Link", out var values))
            return null;
        foreach (var link in values.SelectMany(value => value.Split(',')))
        {
            var (start, end) = (link.IndexOf('<', StringComparison.Ordinal), link.IndexOf('>', StringComparison.Ordinal));
            if (start < 0 || end < start || !link.Contains("rel=\"next\"", StringComparison.Ordinal))
                continue;
            if (Uri.TryCreate(_settings.Endpoint, link[(start + 1)..end], out var next) && IsOwn(next))
                return next;
            throw new SourceException(SourceError.Unsafe, "The server's listing goes on at another server.");
        }

        return null;
    }

    private async Task<HttpResponseMessage> SendAsync(
        HubRequest request, Uri address, RangeHeaderValue? range, CancellationToken cancellation)
    {
        var isOwn = true;
        for (var i = 0; i <= MaxRedirects; i++)
        {
            isOwn &= IsOwn(address);
            using var message = new HttpRequestMessage(HttpMethod.Get, address);
            message.Headers.Range = range;
            if (isOwn && _settings.Token is { } token)
                message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            var response = await SendAsync(message, request, cancellation);
            CheckAnnounced(response, request, isOwn);
            if (response.StatusCode is not (HttpStatusCode.Moved
                or HttpStatusCode.Redirect
                or HttpStatusCode.SeeOther
                or HttpStatusCode.TemporaryRedirect
                or HttpStatusCode.PermanentRedirect)
                || response.Headers.Location is not { } location)
                return response;
            response.Dispose();
            var next = new Uri(address, location);
            if (next.Scheme is not ("http" or "https") || (address.Scheme == "https" && next.Scheme == "http"))
                throw new SourceException(
                    SourceError.Unsafe,
                    $"The server redirects '{request.Repository}' to {next.Scheme}://{next.Host}, which is less safe than what was asked "
                        + "for.");
            address = next;
        }

        throw new SourceException(SourceError.Unavailable, $"The server redirects '{request.Repository}' again and again.");
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage message, HubRequest request, CancellationToken cancellation)
    {
        using var idle = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        idle.CancelAfter(_idleTimeout);
        try
        {
            return await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, idle.Token);
        }
        catch (Exception e) when (IsLost(e, cancellation))
        {
            throw Lost(request, e);
        }
    }

    // A server that has moved on to another commit, or mixes files up, is noticed before gigabytes of the wrong file have come.
    private static void CheckAnnounced(HttpResponseMessage response, HubRequest request, bool isOwn)
    {
        if (isOwn
            && request.File is not null
            && SafeName.IsCommit(request.Revision)
            && response.Headers.TryGetValues("X-Repo-Commit", out var commits)
            && commits.FirstOrDefault() is { } commit && commit != request.Revision)
        {
            response.Dispose();
            throw new SourceException(
                SourceError.Corrupt,
                $"The server answers for commit {SafeName.Quote(commit)} of '{request.Repository}' where {request.Revision} was asked "
                    + "for.");
        }
    }

    private async Task<byte[]> ReadAsync(HttpResponseMessage response, HubRequest request, CancellationToken cancellation)
    {
        using var content = new MemoryStream();
        await using var body = await response.Content.ReadAsStreamAsync(cancellation);
        var buffer = new byte[64 << 10];
        int got;
        while ((got = await ReadAsync(body, buffer, request, cancellation)) > 0)
        {
            if (content.Length + got > MaxJsonLength)
                throw new SourceException(
                    SourceError.Unsafe, $"The server's answer for '{request.Repository}' is longer than {MaxJsonLength >> 20} MiB.");
            content.Write(buffer, 0, got);
        }

        return content.ToArray();
    }

    private bool IsOwn(Uri address) =>
        address.Scheme == _settings.Endpoint.Scheme && address.Host == _settings.Endpoint.Host && address.Port == _settings.Endpoint.Port;

    private static bool IsLost(Exception e, CancellationToken cancellation) =>
        e is HttpRequestException or IOException or OperationCanceledException && !cancellation.IsCancellationRequested;

    private static SourceException Lost(HubRequest request, Exception e)
    {
        var reason = e switch
        {
            OperationCanceledException => "it does not answer any more",
            HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => "there is no server of that name",
            HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } =>
                "a secure connection cannot be made (certificate)",
            _ => (e.GetBaseException() as Exception ?? e).Message.TrimEnd('.'),
        };
        return new(
            SourceError.Unavailable, $"The connection to {request.Endpoint.Authority} for '{request.Repository}' failed: {reason}.", e)
        {
            IsTransient = true
        };
    }

    private SourceException Fault(HttpResponseMessage response, HubRequest request) =>
        HubFaults.Of(response, request, _settings.Token is not null);
}
