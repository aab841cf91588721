using System.Security.Cryptography;
using System.Text;
using MergeTasks.Files;

namespace MergeTasks.Sources.Hub;

/// <summary>Git's name of a file's content, by which the Hub names small files: the SHA-1 of <c>blob LENGTH\0</c> and the bytes.</summary>
internal static class GitObject
{
    /// <summary>What comes before the bytes.</summary>
    public static byte[] Prefix(long size) => Encoding.ASCII.GetBytes($"blob {size}\0");

    /// <summary>A SHA-1.</summary>
#pragma warning disable CA5350 // Git's choice; what counts is the SHA-256 in the lock file.
    public static IncrementalHash NewHash() => IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350

    /// <summary>The name of a file's content.</summary>
    public static string NameOf(string path)
    {
        using var hash = NewHash();
        using var file = InputFile.OpenStream(path);
        hash.AppendData(Prefix(file.Length));
        var buffer = new byte[1 << 16];
        int got;
        while ((got = file.Read(buffer)) > 0)
            hash.AppendData(buffer, 0, got);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
