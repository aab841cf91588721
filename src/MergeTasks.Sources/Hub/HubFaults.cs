using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources.Hub;

/// <summary>What the Hub's refusals mean.</summary>
internal static partial class HubFaults
{
    // The Hub counts requests in windows of five minutes.
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromMinutes(6);

    /// <summary>The fault of an answer that is none of those asked for.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="request">What was asked about.</param>
    /// <param name="hasToken">Whether a token was sent.</param>
    public static SourceException Of(HttpResponseMessage response, HubRequest request, bool hasToken)
    {
        var code = Header(response, "X-Error-Code");
        var status = (int)response.StatusCode;
        var said = Header(response, "X-Error-Message") is { } message ? $" The server says: {SafeName.Quote(message)}" : "";
        var what = $"'{request.Repository}'";
        switch (response.StatusCode)
        {
            case HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden when code == "GatedRepo":
                return new(SourceError.Unauthorized,
                    $"{what} is gated: accept its conditions at {request.Page}, and set HF_TOKEN to a token of the account that "
                        + $"did{(hasToken ? " (the present token's account has no access)" : "")}.{said}");
            case HttpStatusCode.Unauthorized when hasToken:
                return new(
                    SourceError.Unauthorized,
                    $"The server refuses the token for {what}, or there is no such repository. Check HF_TOKEN and the name.{said}");
            case HttpStatusCode.Unauthorized:
                return new(code == "RepoNotFound" ? SourceError.NotFound : SourceError.Unauthorized,
                    $"There is no repository {what} that everybody may read. Check the name, or set HF_TOKEN if it is private.{said}");
            case HttpStatusCode.Forbidden:
                return new(
                    SourceError.Unauthorized,
                    $"Access to {what} is forbidden{(hasToken ? " to the present token" : "; set HF_TOKEN to a token that has it")}.{said}");
            case HttpStatusCode.NotFound when code == "RevisionNotFound":
                return new(SourceError.NotFound, $"{what} has no branch, tag or commit '{request.Revision}'.{said}");
            case HttpStatusCode.NotFound when request.File is { } file && code is "EntryNotFound" or null:
                return new(SourceError.NotFound, $"{what} has no file '{request.File}' at '{request.Revision}'.{said}");
            case HttpStatusCode.NotFound:
                return new(
                    SourceError.NotFound, $"There is no repository {what} with a revision '{request.Revision}'. Check the name.{said}");
            case HttpStatusCode.TooManyRequests:
                var wait = RetryAfter(response);
                return new(SourceError.RateLimited,
                    $"The server takes no more requests for now ({status} "
                    + $"for {what}){(wait is { } time ? $"; it asks to wait {Math.Ceiling(time.TotalSeconds)} s" : "")}."
                    + $"{(hasToken ? "" : " With HF_TOKEN set it may allow more.")}{said}")
                {
                    IsTransient = wait is null || wait <= LongestRetryAfter,
                    RetryAfter = wait,
                };
            case HttpStatusCode.RequestTimeout or >= HttpStatusCode.InternalServerError:
                return new(
                    SourceError.Unavailable, $"The server failed ({status} for {what}).{said}")
                {
                    IsTransient = true,
                    RetryAfter = RetryAfter(response)
                };
            default:
                return new(SourceError.Unavailable, $"The server's answer for {what} was not expected: {status}.{said}");
        }
    }

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;

    private static TimeSpan? RetryAfter(HttpResponseMessage response) =>
        response.Headers.RetryAfter?.Delta
            ?? UntilReset(response)
            ?? (response.Headers.RetryAfter?.Date is { } date && date - DateTimeOffset.UtcNow is var left && left > TimeSpan.Zero
                ? left
                : null);

    // '"api";r=0;t=57': nothing remains of the budget of that name for so many seconds (RateLimit header fields, an IETF draft).
    private static TimeSpan? UntilReset(HttpResponseMessage response)
    {
        if (!response.Headers.TryGetValues("RateLimit", out var values))
            return null;
        var waits = values.SelectMany(value => value.Split(','))
            .Where(budget => Remaining().Match(budget) is not { Success: true } left || left.Groups[1].Value == "0")
            .Select(budget => Reset().Match(budget))
            .Where(match => match.Success)
            .Select(match => int.Parse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture))
            .ToList();
        return waits.Count == 0 ? null : TimeSpan.FromSeconds(waits.Max());
    }

    [GeneratedRegex(@";\s*r=([0-9]{1,9})\b")]
    private static partial Regex Remaining();

    [GeneratedRegex(@";\s*t=([0-9]{1,6})\b")]
    private static partial Regex Reset();
}

/// <summary>What a request is about, for messages.</summary>
/// <param name="Endpoint">The server.</param>
/// <param name="Repository">The repository.</param>
/// <param name="Revision">The revision.</param>
/// <param name="File">The file; <see langword="null"/> for the repository itself.</param>
internal sealed record HubRequest(Uri Endpoint, string Repository, string Revision, string? File)
{
    /// <summary>The repository's page for people.</summary>
    public Uri Page => new(Endpoint, Repository);
}
