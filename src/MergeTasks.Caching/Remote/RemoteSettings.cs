using System.Net.Http.Headers;
using System.Text;

namespace MergeTasks.Caching.Remote;

/// <summary>Where a shared cache is, and how it is spoken to.</summary>
/// <param name="address">Its address, which ends in a slash.</param>
internal sealed class RemoteSettings(Uri address)
{
    /// <summary>The environment variable with the address.</summary>
    public const string UrlVariable = "MERGETASKS_CACHE_URL";

    /// <summary>The environment variable that forbids uploads.</summary>
    public const string ReadOnlyVariable = "MERGETASKS_CACHE_READONLY";

    /// <summary>The environment variable with a bearer token.</summary>
    public const string TokenVariable = "MERGETASKS_CACHE_TOKEN";

    /// <summary>The environment variable with a user's name.</summary>
    public const string UserVariable = "MERGETASKS_CACHE_USER";

    /// <summary>The environment variable with the user's password.</summary>
    public const string PasswordVariable = "MERGETASKS_CACHE_PASSWORD";

    /// <summary>What a project writes as the address to use no shared cache although the environment names one.</summary>
    public const string None = "none";

    /// <summary>Its address, which ends in a slash and holds nothing secret.</summary>
    public Uri Address => address;

    /// <summary>Whether entries are only read.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>How long the server may take to accept a connection.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Silence of the server that counts as a lost connection.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Bytes a second below which a transfer is given up: computing is the other way to have a score.</summary>
    public long SlowestRate { get; init; } = 64 << 10;

    /// <summary>Wait before the second attempt; it doubles from one to the next.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>What proves who asks; never part of a text.</summary>
    public AuthenticationHeaderValue? Authorization { get; init; }

    /// <summary>The settings that a project and its environment give.</summary>
    /// <param name="url">The project's choice of an address; empty for that of the environment.</param>
    /// <param name="isReadOnly">The project's choice; <see langword="null"/> for that of the environment.</param>
    /// <param name="environment">Reads an environment variable.</param>
    /// <returns><see langword="null"/> where no shared cache is wanted.</returns>
    /// <exception cref="FormatException">What was chosen cannot be used; the message holds nothing secret.</exception>
    public static RemoteSettings? From(string? url, bool? isReadOnly, Func<string, string?> environment)
    {
        var (text, from) = url?.Trim() is { Length: > 0 } own ? (own, "") : (Value(UrlVariable), $" ({UrlVariable})");
        if (text is null || text.Equals(None, StringComparison.OrdinalIgnoreCase))
            return null;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0)
            throw new FormatException(
                $"The address of the shared cache{from} is not one such as https://cache.example.com/merges, nor '{None}'.");
        if (uri.UserInfo.Length > 0)
            throw new FormatException(
                $"The address of the shared cache{from} holds a user name or a password, which logs would show. Write it without, and put "
                    + $"them into {UserVariable} and {PasswordVariable}, a token into {TokenVariable}, or both into the netrc file.");
        if (uri.Query.Length > 0 || uri.Fragment.Length > 0)
            throw new FormatException(
                $"The address of the shared cache{from} has a part after '?' or '#', to which no entry can be added.");
        return new RemoteSettings(new Uri(uri.GetLeftPart(UriPartial.Path).TrimEnd('/') + "/"))
        {
            IsReadOnly = isReadOnly ?? Flag(Value(ReadOnlyVariable)),
            Authorization = Login(uri.Host, Value, environment),
        };

        string? Value(string name) => environment(name)?.Trim() is { Length: > 0 } value ? value : null;
    }

    private static AuthenticationHeaderValue? Login(string host, Func<string, string?> value, Func<string, string?> environment)
    {
        if (value(TokenVariable) is { } token)
        {
            return token.All(c => c is > ' ' and <= '~')
                ? new("Bearer", token)
                : throw new FormatException($"{TokenVariable} holds characters that no token has.");
        }

        var login = value(PasswordVariable) is { } password
            ? (value(UserVariable) ?? "", password)
            : NetrcFile.Find(host, environment);
        return login is var (user, secret)
            ? new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{secret}")))
            : null;
    }

    private static bool Flag(string? text) => text?.ToUpperInvariant() switch
    {
        null or "0" or "FALSE" or "NO" or "OFF" => false,
        "1" or "TRUE" or "YES" or "ON" => true,
        _ => throw new FormatException($"{ReadOnlyVariable} is true or false, and nothing else."),
    };
}
