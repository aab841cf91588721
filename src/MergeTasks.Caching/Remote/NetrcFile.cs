using System.Text;
using MergeTasks.Files;

namespace MergeTasks.Caching.Remote;

/// <summary>
/// The user's passwords by server, as curl, Git and Bazel read them: words <c>machine HOST login NAME password SECRET</c>, or
/// <c>default</c> for all other servers; a macro definition goes on to an empty line, <c>#</c> to the end of its line.
/// </summary>
internal static class NetrcFile
{
    private const int Longest = 1 << 20;

    /// <summary>What the user's file says of a server.</summary>
    /// <param name="host">The server's name.</param>
    /// <param name="environment">Reads an environment variable: <c>NETRC</c> names the file; else it lies in the home folder.</param>
    /// <returns><see langword="null"/> where it says nothing, or there is no file that can be read.</returns>
    public static (string User, string Password)? Find(string host, Func<string, string?> environment)
    {
        foreach (var path in Paths(environment))
        {
            try
            {
                if (File.Exists(path) && Parse(InputFile.ReadText(path, Longest), host) is { } login)
                    return login;
            }
            catch (Exception e) when (FileFault.Covers(e))
            {
                // Somebody else's file, or none that can be read: the same as none.
            }
        }

        return null;
    }

    /// <summary>What a file's text says of a server; the first entry that fits counts.</summary>
    internal static (string User, string Password)? Parse(string text, string host)
    {
        var words = new Queue<string>(Words(text));
        var (isOfHost, user, password) = (false, "", default(string));
        while (words.TryDequeue(out var word))
        {
            if (word is "machine" or "default")
            {
                if (isOfHost && password is not null)
                    break;
                (user, password) = ("", null);
                isOfHost = word == "default" || (words.TryDequeue(out var name) && name.Equals(host, StringComparison.OrdinalIgnoreCase));
            }
            else if (word is "login" or "user" or "password" or "account" && words.TryDequeue(out var value) && isOfHost)
            {
                if (word == "password")
                    password = value;
                else if (word != "account")
                    user = value;
            }
        }

        return isOfHost && password is not null ? (user, password) : null;
    }

    private static IEnumerable<string> Paths(Func<string, string?> environment)
    {
        if (environment("NETRC") is { Length: > 0 } own)
            return [own];
        var home = environment("HOME") is { Length: > 0 } set ? set : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return home.Length == 0 ? [] : [Path.Combine(home, ".netrc"), Path.Combine(home, "_netrc")];
    }

    private static IEnumerable<string> Words(string text)
    {
        var isMacro = false;
        foreach (var line in text.ReplaceLineEndings("\n").Split('\n'))
        {
            if (isMacro && line.Length > 0)
                continue;
            isMacro = false;
            for (var at = 0; Word(line, ref at) is { } word && !isMacro;)
            {
                isMacro = word == "macdef";
                if (!isMacro)
                    yield return word;
            }
        }
    }

    // A password may be any text, so one in quotes may hold spaces and, after a backslash, quotes.
    private static string? Word(string line, ref int at)
    {
        while (at < line.Length && char.IsWhiteSpace(line[at]))
            at++;
        if (at >= line.Length || line[at] == '#')
            return null;
        var word = new StringBuilder();
        if (line[at] != '"')
        {
            for (; at < line.Length && !char.IsWhiteSpace(line[at]); at++)
                word.Append(line[at]);
            return word.ToString();
        }

        for (at++; at < line.Length && line[at] != '"'; at++)
        {
            if (line[at] == '\\' && at + 1 < line.Length)
                at++;
            word.Append(line[at]);
        }

        at++;
        return word.ToString();
    }
}
