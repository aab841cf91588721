using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Polly;
using Polly.Retry;

namespace MergeTasks.Caching.Remote;

/// <summary>
/// Speaks the Bazel remote cache's HTTP protocol: GET and PUT below <c>/ac/</c> and <c>/cas/</c>
/// (bazel.build/remote/caching#http-caching). Tries again where that may help, follows redirections (what proves who asks never leaves the
/// server it is for), and turns everything else into faults that say what is wrong.
/// </summary>
internal sealed class RemoteClient : IDisposable
{
    private const int BufferSize = 128 << 10;
    private const int MaxRedirects = 5;
    private const int RetryAttempts = 2;
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromSeconds(5);

    private readonly RemoteSettings _settings;
    private readonly HttpClient _http;
    private readonly ResiliencePipeline _retries;

    public RemoteClient(RemoteSettings settings)
    {
        _settings = settings;
        _http = new HttpClient(
            new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                AutomaticDecompression = DecompressionMethods.None,
                ConnectTimeout = settings.ConnectTimeout,
            })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.UserAgent.Add(
            new ProductInfoHeaderValue("MergeTasks", typeof(RemoteClient).Assembly.GetName().Version!.ToString(3)));
        _retries = new ResiliencePipelineBuilder().AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<RemoteFault>(fault => fault.IsTransient),
            MaxRetryAttempts = RetryAttempts,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = settings.RetryDelay,
            DelayGenerator = attempt => ValueTask.FromResult((attempt.Outcome.Exception as RemoteFault)?.RetryAfter),
        }).Build();
    }

    /// <summary>Fetches what stands at a path.</summary>
    /// <param name="path">Below the cache's address.</param>
    /// <param name="longest">Bytes that it may have.</param>
    /// <param name="target">Gets it; what an attempt that failed has written is cut off.</param>
    /// <param name="cancellation">Ends waiting.</param>
    /// <returns>Whether there is something.</returns>
    /// <exception cref="RemoteFault">It cannot be had.</exception>
    public Task<bool> GetAsync(string path, long longest, Stream target, CancellationToken cancellation) =>
        _retries.ExecuteAsync(async token =>
        {
            target.SetLength(0);
            using var time = Limit(longest, token);
            return await LosingAsync(async () => await ReceiveAsync(path, longest, target, time), token);
        }, cancellation).AsTask();

    /// <summary>Puts something at a path.</summary>
    /// <param name="path">Below the cache's address.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="open">Opens the bytes, once for each attempt.</param>
    /// <param name="cancellation">Ends waiting.</param>
    /// <exception cref="RemoteFault">The server does not take it.</exception>
    public Task PutAsync(string path, long length, Func<Stream> open, CancellationToken cancellation) =>
        _retries.ExecuteAsync(async token =>
        {
            using var time = Limit(length, token);
            return await LosingAsync(async () =>
            {
                using var content = new StreamContent(open(), BufferSize);
                content.Headers.ContentLength = length;
                content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
                using var request = new HttpRequestMessage(HttpMethod.Put, new Uri(_settings.Address, path))
                {
                    Content = content,
                };
                request.Headers.Authorization = _settings.Authorization;
                using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, time.Token);
                return response.IsSuccessStatusCode ? true : throw Refusal(response);
            }, token);
        }, cancellation).AsTask();

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private async Task<bool> ReceiveAsync(string path, long longest, Stream target, CancellationTokenSource time)
    {
        using var response = await AskAsync(path, time.Token);
        if (response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Gone)
            return false;
        if (response.StatusCode != HttpStatusCode.OK)
            throw Refusal(response);
        if (response.Content.Headers.ContentType?.MediaType is "text/html")
            throw OfEntry("came as a web page, such as those that ask for a login");
        if (response.Content.Headers.ContentEncoding.FirstOrDefault(encoding => encoding != "identity") is { } encoding)
            throw OfEntry($"came compressed ({(encoding.Length > 20 ? encoding[..20] : encoding)}), which was not asked for");
        if (response.Content.Headers.ContentLength > longest)
            throw TooLong(longest);
        await using var body = await response.Content.ReadAsStreamAsync(time.Token);
        var buffer = new byte[BufferSize];
        using var stall = CancellationTokenSource.CreateLinkedTokenSource(time.Token);
        var got = 0L;
        while (true)
        {
            stall.CancelAfter(_settings.StallTimeout);
            var read = await ReadAsync(body, buffer, stall.Token);
            if (read == 0)
                return true;
            got += read;
            if (got > longest)
                throw TooLong(longest);
            await target.WriteAsync(buffer.AsMemory(0, read), time.Token);
        }
    }

    // Object stores behind a cache answer with an address of theirs that works for a while.
    private async Task<HttpResponseMessage> AskAsync(string path, CancellationToken cancellation)
    {
        var address = new Uri(_settings.Address, path);
        var isOwn = true;
        for (var i = 0; i <= MaxRedirects; i++)
        {
            isOwn &= address.Scheme == _settings.Address.Scheme && address.Authority == _settings.Address.Authority;
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
            if (isOwn)
                request.Headers.Authorization = _settings.Authorization;
            using var stall = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            stall.CancelAfter(_settings.StallTimeout);
            var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stall.Token);
            if (!IsRedirect(response.StatusCode) || response.Headers.Location is not { } location)
                return response;
            response.Dispose();
            if (!Uri.TryCreate(address, location, out var next)
                || next.Scheme is not ("http" or "https")
                || (address.Scheme == "https" && next.Scheme == "http"))
                throw new RemoteFault("redirects to where nothing is fetched from");
            address = next;
        }

        throw new RemoteFault("redirects again and again");
    }

    private static bool IsRedirect(HttpStatusCode status) =>
        status is HttpStatusCode.Moved or HttpStatusCode.Redirect or HttpStatusCode.SeeOther or HttpStatusCode.TemporaryRedirect
            or HttpStatusCode.PermanentRedirect;

    private CancellationTokenSource Limit(long bytes, CancellationToken cancellation)
    {
        var time = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var most = TimeSpan.FromDays(1);
        var needed = _settings.StallTimeout.TotalSeconds + ((double)bytes / _settings.SlowestRate);
        time.CancelAfter(needed < most.TotalSeconds ? TimeSpan.FromSeconds(needed) : most);
        return time;
    }

    private static async Task<bool> LosingAsync(Func<Task<bool>> work, CancellationToken cancellation)
    {
        try
        {
            return await work();
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            // Another attempt would wait as long again.
            throw new RemoteFault("does not answer, or too slowly", e);
        }
        catch (HttpRequestException e)
        {
            throw new RemoteFault(e.HttpRequestError switch
            {
                HttpRequestError.NameResolutionError => "has a name that no server has",
                HttpRequestError.SecureConnectionError => "makes no secure connection (certificate)",
                HttpRequestError.ConnectionError => "cannot be reached",
                _ => "dropped the connection",
            }, e)
            {
                IsTransient = e.HttpRequestError is not (HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError),
            };
        }
    }

    // What fails on this machine's own disk is another matter.
    private static async Task<int> ReadAsync(Stream body, Memory<byte> buffer, CancellationToken cancellation)
    {
        try
        {
            return await body.ReadAsync(buffer, cancellation);
        }
        catch (IOException e)
        {
            throw new RemoteFault("dropped the connection", e) { IsTransient = true };
        }
    }

    private static RemoteFault OfEntry(string message) => new(message) { IsOfEntry = true };

    private static RemoteFault TooLong(long longest) =>
        OfEntry(string.Create(CultureInfo.InvariantCulture, $"is longer than the {longest:N0} bytes that it may have"));

    private RemoteFault Refusal(HttpResponseMessage response)
    {
        var status = (int)response.StatusCode;
        switch (response.StatusCode)
        {
            case HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.ProxyAuthenticationRequired:
                return new(_settings.Authorization is null
                    ? $"asks who is asking ({status}): set {RemoteSettings.TokenVariable}, or {RemoteSettings.UserVariable} and "
                        + $"{RemoteSettings.PasswordVariable}, or write an entry for {_settings.Address.Host} in the netrc file"
                    : $"refuses the token or password ({status})");
            case HttpStatusCode.RequestEntityTooLarge:
                return new($"takes nothing so large ({status})") { IsOfEntry = true };
            case HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout or >= HttpStatusCode.InternalServerError:
                var wait = response.Headers.RetryAfter?.Delta;
                return new($"failed ({status})")
                {
                    IsTransient = status != (int)HttpStatusCode.InsufficientStorage && !(wait > LongestRetryAfter),
                    RetryAfter = wait,
                };
            default:
                return new($"does not do what a cache does ({status}): is that its address, and may it be written?");
        }
    }
}
