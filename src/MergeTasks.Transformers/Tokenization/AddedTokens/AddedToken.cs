namespace MergeTasks.Transformers.Tokenization.AddedTokens;

/// <summary>A token that is found in text as a whole, before the model sees the rest.</summary>
/// <param name="Id">The token's id.</param>
/// <param name="Content">The text that stands for the token.</param>
/// <param name="SingleWord">Whether it only counts where no word character adjoins it.</param>
/// <param name="StripsLeft">Whether it takes the white space before it (<c>lstrip</c>).</param>
/// <param name="StripsRight">Whether it takes the white space after it (<c>rstrip</c>).</param>
/// <param name="IsNormalized">Whether it is searched for in normalized text, by its own normalized form.</param>
/// <param name="IsSpecial">Whether decoding can leave it out, as it does with <c>&lt;s&gt;</c> or <c>&lt;|endoftext|&gt;</c>.</param>
internal sealed record AddedToken(
    int Id, string Content, bool SingleWord, bool StripsLeft, bool StripsRight, bool IsNormalized, bool IsSpecial);
