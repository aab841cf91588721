namespace MergeTasks.Transformers.Tokenization.Patterns;

/// <summary>The inline options of a pattern.</summary>
[Flags]
internal enum PatternFlags
{
    None = 0,

    /// <summary><c>(?i)</c></summary>
    IgnoreCase = 1,

    /// <summary><c>(?m)</c>: a dot also matches a line end.</summary>
    DotAll = 2,

    /// <summary><c>(?x)</c>: white space and comments in the pattern mean nothing.</summary>
    Extended = 4,
}
