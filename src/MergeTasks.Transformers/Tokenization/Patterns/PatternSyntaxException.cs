namespace MergeTasks.Transformers.Tokenization.Patterns;

/// <summary>A pattern that is malformed, or that uses a construct which this library does not match.</summary>
internal sealed class PatternSyntaxException : Exception
{
    public PatternSyntaxException(string message)
        : base(message)
    {
    }

    public PatternSyntaxException()
    {
    }

    public PatternSyntaxException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
