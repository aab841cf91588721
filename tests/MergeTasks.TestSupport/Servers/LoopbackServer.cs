using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace MergeTasks.TestSupport.Servers;

/// <summary>A request as it came.</summary>
public sealed record WebRequest(string Method, string Path, string Query, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>What it brought.</summary>
    public byte[] Body { get; init; } = [];

    public string? this[string header] => Headers.GetValueOrDefault(header);
}

/// <summary>An answer, right or wrong: the announced length and where the connection breaks are free.</summary>
public sealed record WebAnswer(int Status, byte[] Body, params (string Name, string Value)[] Headers)
{
    /// <summary>What Content-Length says, where that is not the truth.</summary>
    public long? AnnouncedLength { get; init; }

    /// <summary>Bytes of the body after which the connection is dropped.</summary>
    public int? CutAfter { get; init; }

    /// <summary>Whether the server goes silent instead of dropping the connection.</summary>
    public bool Hangs { get; init; }

    /// <summary>Waits after each piece of the body.</summary>
    public TimeSpan Pause { get; init; }

    public static WebAnswer Text(int status, string text, params (string, string)[] headers) =>
        new(status, Encoding.UTF8.GetBytes(text), headers);
}

/// <summary>An HTTP/1.1 server on loopback, on a bare socket so that it can misbehave in every way that servers do.</summary>
public sealed class LoopbackServer : IDisposable
{
    private const int Piece = 16 << 10;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<WebRequest, WebAnswer> _answer;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<WebRequest> _requests = [];

    public LoopbackServer(Func<WebRequest, WebAnswer> answer)
    {
        _answer = answer;
        _listener.Start();
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");
        _ = AcceptAsync();
    }

    public Uri Address { get; }

    /// <summary>Everything that was asked, in order.</summary>
    public IReadOnlyList<WebRequest> Requests
    {
        get
        {
            lock (_requests)
                return [.. _requests];
        }
    }

    public void Forget()
    {
        lock (_requests)
            _requests.Clear();
    }

    public void Dispose()
    {
        if (_stop.IsCancellationRequested)
            return;
        _stop.Cancel();
        _listener.Stop();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (!_stop.IsCancellationRequested)
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var own = client;
        try
        {
            var stream = client.GetStream();
            using var reader = new StreamReader(stream, Encoding.Latin1, false, 1024, leaveOpen: true);
            if (await reader.ReadLineAsync(_stop.Token) is not { } first || first.Split(' ') is not [var method, var target, _])
                return;
            var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 } line)
                headers[line.Split(':')[0]] = line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
            var parts = target.Split('?', 2);
            var request = new WebRequest(method, Uri.UnescapeDataString(parts[0]), parts.Length > 1 ? parts[1] : "", headers)
            {
                Body = await BodyAsync(reader, headers),
            };
            lock (_requests)
                _requests.Add(request);
            await SendAsync(stream, request, _answer(request));
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException)
        {
            // The client has gone, or the test has ended.
        }
    }

    // Reading no characters would wait for some.
    private async Task<byte[]> BodyAsync(StreamReader reader, Dictionary<string, string> headers)
    {
        var length = int.Parse(headers.GetValueOrDefault("Content-Length", "0"), CultureInfo.InvariantCulture);
        var text = new char[length];
        return length == 0 ? [] : Encoding.Latin1.GetBytes(text, 0, await reader.ReadBlockAsync(text, _stop.Token));
    }

    private async Task SendAsync(NetworkStream stream, WebRequest request, WebAnswer answer)
    {
        var head = new StringBuilder();
        head.Append(
            CultureInfo.InvariantCulture,
            $"HTTP/1.1 {answer.Status} Answer\r\nConnection: close\r\nContent-Length: {answer.AnnouncedLength ?? answer.Body.Length}\r\n");
        foreach (var (name, value) in answer.Headers)
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()), _stop.Token);
        if (request.Method == "HEAD")
            return;
        var end = Math.Min(answer.CutAfter ?? int.MaxValue, answer.Body.Length);
        for (var start = 0; start < end; start += Piece)
        {
            await stream.WriteAsync(answer.Body.AsMemory(start, Math.Min(Piece, end - start)), _stop.Token);
            if (answer.Pause > TimeSpan.Zero)
                await Task.Delay(answer.Pause, _stop.Token);
        }

        await stream.FlushAsync(_stop.Token);
        if (answer.Hangs)
            await Task.Delay(Timeout.Infinite, _stop.Token);
    }
}
