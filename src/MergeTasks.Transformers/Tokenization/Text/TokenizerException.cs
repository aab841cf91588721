namespace MergeTasks.Transformers.Tokenization.Text;

/// <summary>
/// A tokenizer file that cannot be read exactly as the reference implementation reads it, or text that its model cannot encode.
/// The message names the file, the component and what would be valid.
/// </summary>
internal sealed class TokenizerException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong and what would be valid.</param>
    public TokenizerException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong and what would be valid.</param>
    /// <param name="innerException">What led to it.</param>
    public TokenizerException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Creates the exception without a message.</summary>
    public TokenizerException()
    {
    }
}
