using System.Text;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Sources.References;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.TestSupport.Mutated;

/// <summary>How a reader's files are changed.</summary>
internal enum MutationKind
{
    /// <summary>As a JSON text.</summary>
    Json,

    /// <summary>As any bytes.</summary>
    Bytes,
}

/// <summary>
/// Something that reads files, sound ones, and how to make others of them. A case has a number and is the same whenever it is made.
/// </summary>
/// <param name="Name">What it reads.</param>
/// <param name="Kind">How files are changed.</param>
/// <param name="Corpus">Sound files.</param>
/// <param name="Read">Reads one; it returns, or says in an exception of the product's own what is wrong.</param>
internal sealed record MutatedReader(string Name, MutationKind Kind, IReadOnlyList<byte[]> Corpus, Action<byte[]> Read)
{
    /// <summary>A case may take no longer.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    /// <summary>Bytes that a case may allocate, not all at once, however small its file is, and for each of the file's.</summary>
    private const long AllocatedAtMost = 128 << 20;
    private const long AllocatedPerByte = 200;

    /// <summary>Whether it has a result for damaged files, too: records count as absent.</summary>
    public bool ReadsAnything { get; init; }

    public MutatedReader(string name, MutationKind kind, string text, Action<byte[]> read)
        : this(name, kind, [Encoding.UTF8.GetBytes(text)], read)
    {
    }

    /// <summary>The file of a case.</summary>
    public byte[] Case(int seed, long number)
    {
        var random = new Random(unchecked(
            (int)(Hash(Name) ^ (uint)(seed * 16_777_619L) ^ (uint)(number * 2_654_435_761L) ^ (uint)(number >> 32))));
        var content = Corpus[random.Next(Corpus.Count)];
        return Kind == MutationKind.Json ? JsonMutation.Of(content, random) : ByteMutation.Of(content, random);
    }

    /// <summary>The files of the corpus that are refused, with the reason: there should be none.</summary>
    public IEnumerable<string> Unsound() =>
        Corpus.Select((content, i) => (Number: i, Fault: Thrown(content)))
            .Where(file => file.Fault is not null)
            .Select(file => $"{Name} {file.Number}: {file.Fault!.Message}");

    /// <summary>Reads a file as a case.</summary>
    /// <returns>How it went.</returns>
    public CaseOutcome Try(byte[] content)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var refused = false;
        string? fault = null;
        try
        {
            Read(content);
        }
        catch (Exception e) when (IsOfProduct(e))
        {
            refused = true;
            if (e.Message.Length == 0)
                fault = "It says nothing.";
        }
#pragma warning disable CA1031 // That is what is looked for.
        catch (Exception e)
#pragma warning restore CA1031
        {
            fault = e.ToString();
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (fault is null && allocated > AllocatedAtMost + (content.Length * AllocatedPerByte))
            fault = $"It allocated {allocated} bytes for a file of {content.Length}.";
        return new CaseOutcome(fault, refused, allocated);
    }

    /// <summary>Whether an exception is one that says to a user what is wrong with a file.</summary>
    public static bool IsOfProduct(Exception e) =>
        e is CheckpointException or ModelException or TokenizerException or SourceException or DiagnosticException or FileFault;

    private Exception? Thrown(byte[] content)
    {
        try
        {
            Read(content);
            return null;
        }
#pragma warning disable CA1031 // Told by the caller.
        catch (Exception e)
#pragma warning restore CA1031
        {
            return e;
        }
    }

    private static uint Hash(string name) => name.Aggregate(2_166_136_261, (hash, letter) => unchecked((hash ^ letter) * 16_777_619));
}

/// <summary>How a case went.</summary>
/// <param name="Fault">What must not happen; <see langword="null"/> where all is well.</param>
/// <param name="IsRefused">Whether the file was refused.</param>
/// <param name="Allocated">Bytes allocated.</param>
internal sealed record CaseOutcome(string? Fault, bool IsRefused, long Allocated);
