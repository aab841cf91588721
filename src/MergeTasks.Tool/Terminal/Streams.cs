namespace MergeTasks.Tool.Terminal;

/// <summary>Where a run writes, and where its relative paths begin.</summary>
/// <param name="Output">Gets what was asked for.</param>
/// <param name="Error">Gets progress and what is wrong.</param>
/// <param name="Folder">Full path of the folder where relative paths begin.</param>
internal sealed record Streams(TextWriter Output, TextWriter Error, string Folder)
{
    /// <summary>Whether people read <see cref="Output"/> as it is written.</summary>
    public bool IsTerminal => ReferenceEquals(Output, Console.Out) && !Console.IsOutputRedirected;

    /// <summary>Whether a line on <see cref="Error"/> can be written over.</summary>
    public bool IsErrorTerminal => ReferenceEquals(Error, Console.Error) && !Console.IsErrorRedirected;
}
