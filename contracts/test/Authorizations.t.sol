// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Documents} from "../src/Documents.sol";
import {ICashFacts} from "../src/ICash.sol";
import {Authorization} from "./Base.sol";
import {Events} from "./Events.sol";

/// ERC-3009: transfer, receive and cancel by one signature, in both signature forms.
contract AuthorizationsTest is Events {
    bytes32 private constant NONCE = keccak256("a random nonce");

    address private _ana;
    address private _bo;

    function setUp() public override {
        super.setUp();
        (_ana, _bo) = (person(0), person(1));
        give(_ana, 1_000);
    }

    // ------------------------------------------------------------------------------------------------ documents

    /// 300 from Ana to Bo, good from the start of these tests for a day.
    function _document(bytes32 nonce) private view returns (Authorization memory) {
        return Authorization(_ana, _bo, 300, START - 1, BEFORE, nonce);
    }

    function _hash(bytes32 typeHash, Authorization memory a) private pure returns (bytes32) {
        return Documents.authorization(typeHash, a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce);
    }

    function _signTransfer(Authorization memory a) private view returns (bytes memory) {
        return signed(key(0), _hash(Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH, a));
    }

    function _signReceive(Authorization memory a) private view returns (bytes memory) {
        return signed(key(0), _hash(Documents.RECEIVE_WITH_AUTHORIZATION_TYPEHASH, a));
    }

    function _signCancel(bytes32 nonce) private view returns (bytes memory) {
        return signed(key(0), Documents.cancelAuthorization(_ana, nonce));
    }

    // ------------------------------------------------------------------------------------------------ calls

    function _transfer(Authorization memory a, bytes memory signature) private {
        vm.prank(RELAYER);
        cash.transferWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, signature);
    }

    function _receive(address caller, Authorization memory a, bytes memory signature) private {
        vm.prank(caller);
        cash.receiveWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, signature);
    }

    function _cancel(bytes32 nonce) private {
        bytes memory signature = _signCancel(nonce);
        vm.prank(RELAYER);
        cash.cancelAuthorization(_ana, nonce, signature);
    }

    /// Signed as it is, it is refused as a transfer and, called by its payee, as a receive, for the same reason.
    function _refused(Authorization memory a, bytes memory reason) private {
        bytes memory signature = _signTransfer(a);
        vm.expectRevert(reason);
        _transfer(a, signature);
        signature = _signReceive(a);
        vm.expectRevert(reason);
        _receive(a.to, a, signature);
    }

    function _unavailable(bytes32 nonce) private view returns (bytes memory) {
        return abi.encodeWithSelector(ICashFacts.NonceUnavailable.selector, _ana, uint256(nonce));
    }

    // ------------------------------------------------------------------------------------------------ transfer

    function test_anAuthorizedTransferMovesMoneyAndSaysSo() public {
        Authorization memory a = _document(NONCE);
        bytes memory signature = _signTransfer(a);
        assertTrue(!cash.authorizationState(_ana, NONCE), "before");
        listen();
        _transfer(a, signature);
        heard(authorizationUsedLog(_ana, NONCE), transferLog(_ana, _bo, 300));
        assertTrue(cash.authorizationState(_ana, NONCE), "afterwards");
        assertTrue(!cash.authorizationState(_bo, NONCE), "the payee's");
        assertEq(cash.balanceOf(_ana), 700, "payer");
        assertEq(cash.balanceOf(_bo), 300, "payee");
    }

    function test_theThreePartFormDoesTheSame() public {
        Authorization memory a = _document(NONCE);
        bytes32 hash = _hash(Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH, a);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key(0), digestOf(hash));
        listen();
        vm.prank(RELAYER);
        cash.transferWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, v, r, s);
        heard(authorizationUsedLog(_ana, NONCE), transferLog(_ana, _bo, 300));
        vm.expectRevert(_unavailable(NONCE));
        cash.transferWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, v, r, s);
    }

    function test_aShortSignatureAuthorizesToo() public {
        Authorization memory a = _document(NONCE);
        _transfer(a, signedShort(key(0), _hash(Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH, a)));
        assertEq(cash.balanceOf(_bo), 300, "payee");
    }

    function test_anAuthorizationIsUsedOnce() public {
        Authorization memory a = _document(NONCE);
        _transfer(a, _signTransfer(a));
        _refused(a, _unavailable(NONCE));
        a.value = 1;
        _refused(a, _unavailable(NONCE));
    }

    function test_anAuthorizationIsGoodStrictlyBetweenItsTimes() public {
        Authorization memory a = _document(NONCE);
        a.validAfter = START;
        _refused(a, abi.encodeWithSelector(ICashFacts.NotYetValid.selector, START, START));
        a.validAfter = START + 1;
        _refused(a, abi.encodeWithSelector(ICashFacts.NotYetValid.selector, START + 1, START));
        (a.validAfter, a.validBefore) = (0, START);
        _refused(a, abi.encodeWithSelector(ICashFacts.Expired.selector, START, START));
        a.validBefore = START - 1;
        _refused(a, abi.encodeWithSelector(ICashFacts.Expired.selector, START - 1, START));
        (a.validAfter, a.validBefore) = (START - 1, START + 1);
        _transfer(a, _signTransfer(a));
        (a.validAfter, a.validBefore, a.nonce) = (0, type(uint256).max, ~NONCE);
        _transfer(a, _signTransfer(a));
    }

    function test_movementsRulesHoldForAuthorizations() public {
        Authorization memory a = _document(NONCE);
        a.value = 1_001;
        _refused(a, abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, _ana, 1_000, 1_001));
        a.value = type(uint256).max;
        _refused(
            a, abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, _ana, 1_000, type(uint256).max)
        );
        (a.value, a.to) = (1, address(cash));
        _refused(a, abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(cash)));
        a.to = address(0);
        _refused(a, abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        a.to = _bo;
        freeze(_bo);
        _refused(a, abi.encodeWithSelector(ICashFacts.AccountFrozen.selector, _bo));
        freeze(_ana);
        _refused(a, abi.encodeWithSelector(ICashFacts.AccountFrozen.selector, _ana));
        pause();
        _refused(a, abi.encodeWithSelector(ICashFacts.MovementPaused.selector));
        assertTrue(!cash.authorizationState(_ana, NONCE), "a refused authorization stays good");
    }

    /// Every field is signed.
    function test_anotherDocumentIsNotAuthorized() public {
        Authorization memory a = _document(NONCE);
        bytes memory signature = _signTransfer(a);
        a.to = person(2);
        _refusedSignature(a, signature, _ana);
        a = _document(NONCE);
        a.value = 301;
        _refusedSignature(a, signature, _ana);
        a = _document(NONCE);
        a.validAfter = 0;
        _refusedSignature(a, signature, _ana);
        a = _document(NONCE);
        a.validBefore = BEFORE + 1;
        _refusedSignature(a, signature, _ana);
        a = _document(~NONCE);
        _refusedSignature(a, signature, _ana);
        a = _document(NONCE);
        a.from = _bo;
        _refusedSignature(a, signature, _bo);
        a.from = address(0);
        a.value = 0;
        _refusedSignature(a, signature, address(0));
        _refusedSignature(_document(NONCE), _signReceive(_document(NONCE)), _ana);
        _refusedSignature(_document(NONCE), "", _ana);
    }

    function _refusedSignature(Authorization memory a, bytes memory signature, address signer) private {
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, signer));
        _transfer(a, signature);
    }

    // ------------------------------------------------------------------------------------------------ receive

    function test_onlyThePayeeReceives() public {
        Authorization memory a = _document(NONCE);
        bytes memory signature = _signReceive(a);
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.CallerNotPayee.selector, RELAYER, _bo));
        _receive(RELAYER, a, signature);
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.CallerNotPayee.selector, _ana, _bo));
        _receive(_ana, a, signature);
        listen();
        _receive(_bo, a, signature);
        heard(authorizationUsedLog(_ana, NONCE), transferLog(_ana, _bo, 300));
        assertEq(cash.balanceOf(_bo), 300, "payee");
    }

    function test_theThreePartFormIsForThePayeeToo() public {
        Authorization memory a = _document(NONCE);
        bytes32 hash = _hash(Documents.RECEIVE_WITH_AUTHORIZATION_TYPEHASH, a);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key(0), digestOf(hash));
        vm.prank(RELAYER);
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.CallerNotPayee.selector, RELAYER, _bo));
        cash.receiveWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, v, r, s);
        vm.prank(_bo);
        cash.receiveWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, v, r, s);
        assertEq(cash.balanceOf(_bo), 300, "payee");
    }

    /// Otherwise anybody could take a deposit's authorization out of the payee's own transaction.
    function test_aReceiveIsNoTransferAndTheOtherWayRound() public {
        Authorization memory a = _document(NONCE);
        (bytes memory receive_, bytes memory transfer) = (_signReceive(a), _signTransfer(a));
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, _ana));
        _transfer(a, receive_);
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, _ana));
        _receive(_bo, a, transfer);
    }

    // ------------------------------------------------------------------------------------------------ cancel

    function test_aCanceledAuthorizationCannotBeUsed() public {
        listen();
        _cancel(NONCE);
        heard(authorizationCanceledLog(_ana, NONCE));
        assertTrue(cash.authorizationState(_ana, NONCE), "state");
        _refused(_document(NONCE), _unavailable(NONCE));
        assertEq(cash.balanceOf(_ana), 1_000, "balance");
    }

    function test_aUsedOrCanceledAuthorizationCannotBeCanceled() public {
        Authorization memory a = _document(NONCE);
        _transfer(a, _signTransfer(a));
        bytes memory signature = _signCancel(NONCE);
        vm.expectRevert(_unavailable(NONCE));
        cash.cancelAuthorization(_ana, NONCE, signature);
        _cancel(~NONCE);
        signature = _signCancel(~NONCE);
        vm.expectRevert(_unavailable(~NONCE));
        cash.cancelAuthorization(_ana, ~NONCE, signature);
    }

    function test_theThreePartFormCancelsToo() public {
        bytes32 digest = digestOf(Documents.cancelAuthorization(_ana, NONCE));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key(0), digest);
        listen();
        cash.cancelAuthorization(_ana, NONCE, v, r, s);
        heard(authorizationCanceledLog(_ana, NONCE));
        (v, r, s) = vm.sign(key(1), digest);
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, _ana));
        cash.cancelAuthorization(_ana, ~NONCE, v, r, s);
    }

    function test_onlyTheAuthorizerCancels() public {
        bytes memory signature = signed(key(1), Documents.cancelAuthorization(_ana, NONCE));
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, _ana));
        cash.cancelAuthorization(_ana, NONCE, signature);
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, address(0)));
        cash.cancelAuthorization(address(0), NONCE, signature);
        signature = _signCancel(NONCE);
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, _ana));
        cash.cancelAuthorization(_ana, ~NONCE, signature);
    }

    // ------------------------------------------------------------------------------------------------ dirty calldata

    function testFuzz_dirtyAddressesAreRefused(uint96 dirt) public {
        vm.assume(dirt != 0);
        Authorization memory a = _document(NONCE);
        bytes memory signature = _signTransfer(a);
        string memory name = "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)";
        (uint256 from, uint256 to) = (uint160(_ana), uint160(_bo));
        uint256 high = uint256(dirt) << 160;
        _refuseDirty(abi.encodeWithSignature(name, from | high, to, 300, a.validAfter, BEFORE, NONCE, signature));
        _refuseDirty(abi.encodeWithSignature(name, from, to | high, 300, a.validAfter, BEFORE, NONCE, signature));
        signature = _signCancel(NONCE);
        name = "cancelAuthorization(address,bytes32,bytes)";
        _refuseDirty(abi.encodeWithSignature(name, from | high, NONCE, signature));
        (bool ok,) = address(cash).call(abi.encodeWithSignature(name, from, NONCE, signature));
        assertTrue(ok, "the same call with a clean address");
    }

    function _refuseDirty(bytes memory data) private {
        (bool ok, bytes memory answer) = address(cash).call(data);
        assertTrue(!ok && answer.length == 0, "dirty address");
    }
}
