namespace MergeTasks.Language.Diagnostics;

/// <summary>Hears of a merge's progress; the methods may be called from any thread.</summary>
internal class MergeProgress
{
    /// <summary>Hears nothing.</summary>
    public static readonly MergeProgress None = new();

    /// <summary>Another build is making the same output; this one waits for it.</summary>
    public virtual void Waiting()
    {
    }

    /// <summary>Scores are about to be computed.</summary>
    /// <param name="scores">How many the cache lacks.</param>
    /// <param name="tokens">Tokens that will run through models for them in all, about as many where results decide how many.</param>
    public virtual void Planned(int scores, long tokens)
    {
    }

    /// <summary>A score that the cache lacks is about to be computed.</summary>
    /// <param name="model">The model, as the user named it.</param>
    /// <param name="phase">What is computed, for people.</param>
    /// <param name="tokens">Tokens that will run through the model in all; 0 where none do, or where it is known only once the text has
    /// been read.</param>
    /// <param name="cost">The cost in words.</param>
    public virtual void Scoring(string model, string phase, long tokens, string cost)
    {
    }

    /// <summary>Tokens have run through the model.</summary>
    public virtual void Scored(long tokens)
    {
    }

    /// <summary>Tokens have run through the model.</summary>
    /// <param name="done">Since the score was begun.</param>
    /// <param name="all">In the end.</param>
    public virtual void Scored(long done, long all)
    {
    }

    /// <summary>Something that the user should know, though work goes on.</summary>
    public virtual void Warn(Diagnostics.Diagnostic warning)
    {
    }

    /// <summary>A result of scoring that is worth a line in the log.</summary>
    public virtual void Note(string message)
    {
    }

    /// <summary>Writing begins.</summary>
    /// <param name="bytes">Bytes to be written in all.</param>
    public virtual void Starting(long bytes)
    {
    }

    /// <summary>A block reached the disk.</summary>
    public virtual void Written(int bytes)
    {
    }

    /// <summary>A finished file is about to get its final name.</summary>
    public virtual void Publishing(string path)
    {
    }
}
